"""The groups of ranks in which the parts of a training run side by side."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.workload.programs.program import Communicator


class Parallel(StrictModel):
    """``parallel: {tp, ep, dp, pp, order}``: tensor, expert, data and pipeline parallel.

    A rank has a place ``t`` in its tensor-parallel group, ``d`` in its data-parallel one and ``p``
    in its pipeline. In Megatron's order it is rank ``t + tp (d + dp p)``, in SimAI's
    ``t + tp (p + pp d)``. The data-parallel group is cut into ``dp / ep`` expert-parallel groups of
    neighbours; ``dp_ep`` are the ranks of equal place in these.

    Args:
        tp (int): Ranks of a tensor-parallel group. (default: ``1``)
        ep (int): Ranks of an expert-parallel group, a divisor of ``dp``. (default: ``1``)
        dp (int): Ranks of a data-parallel group. (default: ``1``)
        pp (int): Stages of the pipeline. (default: ``1``)
        order (str): ``"simai"`` or ``"megatron"``. (default: ``"megatron"``)
    """

    tp: int = Field(default=1, ge=1, le=2**20)
    ep: int = Field(default=1, ge=1, le=2**20)
    dp: int = Field(default=1, ge=1, le=2**20)
    pp: int = Field(default=1, ge=1, le=2**20)
    order: Literal["simai", "megatron"] = "megatron"

    @property
    def num_ranks(self) -> int:
        """Number of ranks."""
        return self.tp * self.dp * self.pp

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The rank at each place, int64 ``[pp, dp, tp]``."""
        table = np.arange(self.num_ranks)
        if self.order == "megatron":
            return table.reshape(self.pp, self.dp, self.tp)
        return table.reshape(self.dp, self.pp, self.tp).swapaxes(0, 1)

    @property
    def stage_of_rank(self) -> NDArray[np.int64]:
        """The stage of each rank, int64 ``[num_ranks]``."""
        stage = np.empty(self.num_ranks, np.int64)
        stage[self.ranks] = np.arange(self.pp)[:, None, None]
        return stage

    def communicators(self) -> list[dict[str, Communicator]]:
        """Those of each rank: ``tp``, ``dp``, ``ep``, ``dp_ep``, and those of the pipeline.

        ``forward_to`` and ``backward_to`` are for messages to the next stage and to the one
        before, ``forward_from`` and ``backward_from`` for those that come from there.

        Raises:
            KeyProblem: If ``ep`` is no divisor of ``dp``.
        """
        if self.dp % self.ep:
            raise KeyProblem("ep", f"expected a divisor of dp, {self.dp} (got {self.ep})")
        found: list[dict[str, Communicator]] = [{} for _ in range(self.num_ranks)]
        by_expert = self.ranks.reshape(self.pp, self.dp // self.ep, self.ep, self.tp)
        groups = {
            "tp": self.ranks.reshape(-1, self.tp),
            "dp": self.ranks.swapaxes(1, 2).reshape(-1, self.dp),
            "ep": by_expert.swapaxes(2, 3).reshape(-1, self.ep),
            "dp_ep": by_expert.transpose(0, 2, 3, 1).reshape(-1, self.dp // self.ep),
        }
        for name, rows in groups.items():
            for row in rows.tolist():
                communicator = Communicator(name, tuple(row), name)
                for rank in row:
                    found[rank][name] = communicator
        for before, after in zip(self.ranks[:-1], self.ranks[1:], strict=True):
            pairs = zip(before.reshape(-1).tolist(), after.reshape(-1).tolist(), strict=True)
            for first, second in pairs:
                forward = Communicator("forward", (first, second), "pp")
                backward = Communicator("backward", (second, first), "pp")
                found[first] |= {"forward_to": forward, "backward_from": backward}
                found[second] |= {"forward_from": forward, "backward_to": backward}
        return found
