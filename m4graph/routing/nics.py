"""Through which of its NICs a host sends: ns-3's hash, one after the other, or as it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m4graph.core.calls import plain_call
from m4graph.routing.hashing import FIRST_SOURCE_PORT

Ints = NDArray[np.int64]


@plain_call
@dataclass(frozen=True, eq=False)
class NicChoice:
    """How a host chooses among those of its cables with which a shortest way begins.

    Args:
        kind (str): ``"hash"``: ns-3's hash of addresses and ports. ``"rail"``: the flows between
            two hosts take them in turn, by ascending id of the switch, and their ACKs, too; in a
            network with a switch for each rail, the flows so take the rails in turn. ``"given"``:
            each host has one number for all that it sends. (default: ``"hash"``)
        given (numpy.ndarray, optional): Those numbers, from 0, int64 ``[num_hosts]``; what is
            beyond the last cable counts from the first one again.
    """

    kind: Literal["hash", "rail", "given"] = "hash"
    given: Ints | None = None

    def numbers(self, host: ArrayLike, source_port: ArrayLike) -> Ints:
        """The numbers of the NICs through which hosts send packets of flows; -1: by hash.

        Args:
            host (array_like): The hosts that send, of data or of ACKs ``[num_flows]``.
            source_port (array_like): Source ports of the flows ``[num_flows]``.
        """
        if self.kind == "rail":
            return (np.asarray(source_port, np.int64) - FIRST_SOURCE_PORT) & 0xFFFF
        if self.given is not None:
            return self.given[np.asarray(host, np.int64)]
        return np.full(np.shape(host), -1, np.int64)
