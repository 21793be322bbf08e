"""How kernels are compiled: decorators for numba, the same for all that computes in floats.

A kernel gives the same bits whatever was compiled before it, and on every CPU:

- Each option that numba hands down from a caller is stated. One left open would be taken from the
  caller that happens to compile a kernel first, and so would its rounding.
- Without ``fastmath``, each operation is rounded by itself and in the order of the source: nothing
  is fused into one rounding where the CPU could do that, no sum regrouped to fit its vectors.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from m4graph.core.kernel_cache import cached_njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "fastmath": False,
    # Divisions are those of IEEE 754: no kernel divides by what may be 0.
    "error_model": "numpy",
    # A state is tuples of arrays. numba counts references to each of them whenever a tuple is
    # passed or read, which took half of the time; nothing is allocated, so they are left out.
    "_nrt": False,
}

kernel = njit(forceinline=False, **_OPTIONS)
inline_kernel = njit(forceinline=True, **_OPTIONS)
cached_kernel = cached_njit(forceinline=False, **_OPTIONS)
