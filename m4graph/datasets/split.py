"""Which scenarios are for training, and which for validation."""

from __future__ import annotations

import hashlib

from m4graph.core.errors import ConfigError


def held_out(hashes: set[str], val_fraction: float, seed: int) -> set[str]:
    """The scenarios to validate on: the first in an order that their hashes and the seed fix.

    Args:
        hashes (set of str): Of all scenarios.
        val_fraction (float): Share of them, in [0, 1); above 0, it is at least one.
        seed (int): Another seed, another order.

    Raises:
        ConfigError: If the fraction is out of range, or leaves nothing to train on.
    """
    if not 0 <= val_fraction < 1:
        raise ConfigError(f"val_fraction: expected 0 to below 1 (got {val_fraction})")
    ranked = sorted(hashes, key=lambda each: hashlib.sha256(f"{seed} {each}".encode()).hexdigest())
    count = max(round(val_fraction * len(ranked)), int(val_fraction > 0))
    if count >= len(ranked):
        raise ConfigError(
            f"val_fraction: expected to leave a scenario to train on (got {val_fraction} "
            f"of {len(ranked)})"
        )
    return set(ranked[:count])
