"""The errors that a user can cause, all of them under :class:`M4GraphError`.

Messages are one line that names the file, key, row, link or flow, then says what was expected
and what came: ``"... expected a rate above 0 (got -1)"``. ``assert`` is for our own mistakes only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class M4GraphError(ValueError):
    """Base class of every error that m4graph raises on purpose."""


class InputError(M4GraphError):
    """Bad file, key or value; the command line ends with exit status 2."""


class TopologyError(InputError):
    """A network that cannot be simulated, or a bad parameter of a topology generator."""


class RoutingError(InputError):
    """A route that does not exist in the network, or that does not belong to its flow."""


class WorkloadError(InputError):
    """Bad flows, or a bad parameter of a workload generator."""


class ConfigError(InputError):
    """Unknown key, wrong type or bad value in a configuration, or an unknown plug-in name."""


class CheckpointError(InputError):
    """A checkpoint that is missing, damaged, or made for something else."""


class SimulationError(M4GraphError):
    """A run that failed on good input; the command line ends with exit status 1."""


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """The end of a message: the valid name that is closest to one that is not; or nothing."""
    close = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def one_of(names: Iterable[str]) -> str:
    """Spells a choice: ``"one of a, b"``, ``"a"``, or ``"no key"``."""
    listed = list(names)
    if len(listed) > 1:
        return "one of " + ", ".join(listed)
    return listed[0] if listed else "no key"
