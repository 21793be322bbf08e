"""Max-min fair rates, kept up to date while flows come and go (numba)."""
