"""How the kernels of this package are compiled."""

from __future__ import annotations

from typing import Any

from numba import njit

# The state is tuples of arrays. numba counts references to each of them whenever a tuple is passed
# or read, which took half of the time; ``_nrt=False`` leaves that out, as nothing is allocated.
_OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False}

kernel = njit(**_OPTIONS)
inline_kernel = njit(forceinline=True, **_OPTIONS)
cached_kernel = njit(cache=True, **_OPTIONS)
