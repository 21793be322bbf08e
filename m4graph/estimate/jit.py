"""How the kernels of this package are compiled."""

from __future__ import annotations

from numba import njit

# Reference counts on the arrays of the state would take half of the time (see fluid/jit.py); and
# divisions are those of IEEE 754, as no kernel divides by what may be 0.
kernel = njit(nogil=True, _nrt=False, error_model="numpy")
cached_kernel = njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
