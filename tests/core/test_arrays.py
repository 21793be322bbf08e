from __future__ import annotations

import numpy as np
from numba import njit

from m4graph.core.arrays import columns_by_name, grown

COLUMNS = columns_by_name(("size", "rate", "wait"))


@njit
def write(row):
    row[COLUMNS.wait] = 3.0
    row[COLUMNS.size] = 1.0


def test_compiled_code_takes_columns_by_name():
    assert (COLUMNS.size, COLUMNS.rate, COLUMNS.wait) == (0, 1, 2)
    row = np.zeros(3)
    write(row)
    assert row.tolist() == [1.0, 0.0, 3.0]


def test_grown_keeps_what_is_there_and_the_other_dimensions():
    array = np.array([[1, 2], [3, 4]], np.int32)
    larger = grown(array, 4)
    assert larger.tolist() == [[1, 2], [3, 4], [0, 0], [0, 0]]
    assert larger.dtype == array.dtype
    assert grown(np.zeros(0, np.dtype([("a", "i4")])), 2)["a"].tolist() == [0, 0]
