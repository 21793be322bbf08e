import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from m4graph.core.products import MOST, multiply_divide

numbers = st.integers(0, 2**63 - 1)


@given(st.lists(numbers, min_size=1, max_size=5), numbers, st.integers(1, 2**63 - 1))
def test_exact_whatever_the_product(ones, other, divisor):
    found = multiply_divide(np.array(ones), other, divisor)
    assert found.dtype == np.int64
    assert found.tolist() == [min(one * other // divisor, MOST) for one in ones]
