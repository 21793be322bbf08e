"""Products that leave 64 bits on the way: bytes, bit/s and ns multiplied, then divided."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST = 2**62
"""What comes out is cut to this, far above any size, time or threshold that can occur."""


def multiply_divide(one: ArrayLike, other: ArrayLike, divisor: int) -> NDArray[np.int64]:
    """``one * other // divisor``, exact whatever the product; at most :data:`MOST`.

    Args:
        one (array_like of int): 0 or above.
        other (array_like of int): 0 or above, of a shape that broadcasts with the first.
        divisor (int): Above 0.

    Shapes:
        - output int64, broadcast
    """
    ones, others = np.broadcast_arrays(np.asarray(one, object), np.asarray(other, object))
    if int(ones.max(initial=0)) * int(others.max(initial=0)) <= MOST:
        return np.asarray(ones.astype(np.int64) * others.astype(np.int64) // divisor)
    results = [
        min(int(a) * int(b) // divisor, MOST)
        for a, b in zip(ones.reshape(-1), others.reshape(-1), strict=True)
    ]
    return np.array(results, np.int64).reshape(ones.shape)
