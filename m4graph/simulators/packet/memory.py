"""Records and arrays that lie well in the processor's cache."""

from __future__ import annotations

from typing import Any

import numpy as np

LINE_BYTES = 64


def in_lines(record: Any) -> np.dtype[Any]:
    """The same record with aligned fields, in its own part of a cache line or in whole lines.

    Args:
        record: A record type, or what numpy makes one of.
    """
    given = np.dtype(record)
    names = given.names or ()
    formats = [given[name] for name in names]
    aligned = np.dtype(list(zip(names, formats, strict=True)), align=True)
    size = 1 << (aligned.itemsize - 1).bit_length()
    if size > LINE_BYTES:
        size = -(-aligned.itemsize // LINE_BYTES) * LINE_BYTES
    offsets = [aligned.fields[name][1] for name in names] if aligned.fields else []
    layout = {"names": names, "formats": formats, "offsets": offsets, "itemsize": size}
    return np.dtype(layout)  # type: ignore[call-overload, no-any-return]


def zeros(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of zeros that begins at a cache line."""
    dtype = np.dtype(dtype)
    num_bytes = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(num_bytes + LINE_BYTES, np.uint8)
    first = -memory.ctypes.data % LINE_BYTES
    array: np.ndarray = memory[first : first + num_bytes].view(dtype).reshape(shape)
    return array
