"""The buffer that taps write into: one watcher of a run lays it out, and empties it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.simulators.packet import layout
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.layout import NONE

_TAP_ROWS = 1 << 16


def lay_out_taps(run: PacketRun, links: NDArray[np.integer[Any]]) -> None:
    """Meters for all links of a run, taps at some, and a buffer if there is one."""
    state = run.state
    meters = np.zeros(len(state.links), layout.METER)
    meters["paused_since"] = NONE
    meters["tapped"][links] = True
    run.state = state._replace(
        meters=meters,
        packet_numbers=np.full(len(state.packets), NONE, np.int64),
        tap_rows=np.zeros(_TAP_ROWS if len(links) else 0, layout.TAP_ROW),
    )


def take_tap_rows(run: PacketRun) -> NDArray[np.void]:
    """Empties the buffer; what it gives is overwritten when the run goes on."""
    state = run.state
    num_rows = int(state.control["num_tap_rows"][0])
    state.control["num_tap_rows"] = 0
    return state.tap_rows[:num_rows]
