"""Where a model lives."""

from __future__ import annotations

import torch

from m4graph.core.errors import ConfigError


def resolve_device(device: str | torch.device) -> torch.device:
    """Gives a device that exists on this machine.

    Args:
        device (str or torch.device): As in ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises:
        ConfigError: If it is unknown, or not at hand.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).item()  # a device of torch that this machine has not, raises
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ConfigError(
            f"device: expected cpu, or cuda where there is one (got {str(device)!r})"
        ) from error
    return found
