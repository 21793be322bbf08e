"""The two families of text folders: what their files are called, and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of

TOPOLOGY, FLOWS, TRACE = "topology.txt", "flows.txt", "trace.txt"


@plain_call
@dataclass(frozen=True)
class TextFormat:
    """A family of text folders.

    Args:
        name (str): What it is called on the command line.
        with_ids (bool): Lines of flows and of times start with the flow's id.
        config (str): Name of the configuration's file.
        times (str): Name of the file of completion times.
        paths (str, optional): Name of the file of routes; ``None``: the format has none.
        headroom_cap (float, optional): The cap that is built into its ns-3.
    """

    name: str
    with_ids: bool
    config: str
    times: str
    paths: str | None
    headroom_cap: float | None


FORMATS = {
    "hpcc": TextFormat("hpcc", False, "config.txt", "fct.txt", None, None),
    "m4": TextFormat(
        "m4", True, "config_topology_flows.txt", "fct_topology_flows.txt", "path_1.txt", 0.8
    ),
}
"""The formats by name."""


@plain_call
def text_format(name: str, option: str = "format") -> TextFormat:
    """Finds a format by its name.

    Args:
        name (str): ``"hpcc"`` or ``"m4"``.
        option (str): Where the name was given, for the message. (default: ``"format"``)

    Raises:
        ConfigError: If there is none of that name.
    """
    if name not in FORMATS:
        raise ConfigError(f"{option}: expected {one_of(FORMATS)} (got {name!r})")
    return FORMATS[name]
