"""Options of the recurrent model; the defaults are the published ones.

Of weights and deltas, which the paper tunes for each scenario, they are in the ranges of its text.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from m4graph.core.schema import KeyProblem, StrictModel

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class RecurrentConfig(StrictModel):
    """Everything that shapes the training and use of a recurrent model.

    Args:
        cell (str): ``"lstm"`` or ``"gru"``.
        hidden_channels (int, optional): Width of each layer. (default: number of features times
            :obj:`window`, as published)
        num_layers (int): Layers.
        window (int): Packets that a sample of windowed training has.
        training (str): ``"windows"``: of each packet the last :obj:`window` ones, from a state of
            zeros, as published; ``"stateful"``: pieces of :obj:`window` steps of
            :obj:`batch_size` stretches of the trace side by side, whose state goes on from piece to
            piece, as it does in use.
        epochs (int): Times that the trace is gone through.
        batch_size (int): Samples, or stretches, of a step of the optimiser.
        lr (float): Learning rate of Adam.
        latency_loss (str): ``"huber"``, ``"mae"`` or ``"mse"``.
        delta (float): Of the Huber loss; latencies lie in [0, 1].
        alpha (float): Weight of the latency's loss.
        beta (float, optional): Weight of the drops' loss; the rest is that of the marks.
            (default: ``1 - alpha``: no marks)
        drop_weight (float): Weight of drops in their cross entropy.
        mark_weight (float): Weight of marks in theirs.
        bins (int): Bins of gaps and latency.
        congestion_state (bool): Whether the regime of congestion, which in use is that of the
            model's own answers, is a feature, as published.
        decision (str): ``"threshold"``: a packet is dropped, or marked, if its probability is a
            half or more, as published; ``"sample"``: by chance, with the calibrated probability.
        feeder (str): What stands for packets between two mimics: ``"none"``, ``"packet"`` or
            ``"binned"`` (:mod:`m4graph.mimic.feeder`).
        gap_law (str): Of the times between the feeder's packets: ``"log_normal"`` or ``"pareto"``.
        slot_us (float): Time that a bin of the feeder stands for; its rate is constant in it.
        visible_shares (list of float): Of a binned feeder's training: parts of the flows whose
            packets are seen one by one, while the others come in bins.
    """

    cell: Literal["lstm", "gru"] = "lstm"
    hidden_channels: int | None = Field(default=None, ge=1, le=4096)
    num_layers: int = Field(default=2, ge=1, le=16)
    window: Count = 12
    training: Literal["windows", "stateful"] = "windows"
    epochs: Count = 10
    batch_size: Count = 128
    lr: PositiveFloat = 1e-4
    latency_loss: Literal["huber", "mae", "mse"] = "huber"
    delta: PositiveFloat = 0.01
    alpha: float = Field(default=0.5, ge=0, le=1)
    beta: float | None = Field(default=None, ge=0, le=1)
    drop_weight: Share = 0.7
    mark_weight: Share = 0.7
    bins: int = Field(default=1000, ge=2, le=10**6)
    congestion_state: bool = True
    decision: Literal["threshold", "sample"] = "threshold"
    feeder: Literal["none", "packet", "binned"] = "packet"
    gap_law: Literal["log_normal", "pareto"] = "log_normal"
    slot_us: PositiveFloat = 2000.0
    visible_shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        default=[1 / 3, 1 / 7, 1 / 15, 1 / 31], min_length=1
    )

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.beta is not None and self.alpha + self.beta > 1:
            total = self.alpha + self.beta
            raise KeyProblem("beta", f"expected alpha + beta of at most 1 (got {total:g})")
        if self.feeder == "binned" and self.training == "windows":
            raise KeyProblem("feeder", "expected none or packet for windows (got binned)")
        return self

    @property
    def drop_share(self) -> float:
        """The weight of the drops' loss."""
        return 1 - self.alpha if self.beta is None else self.beta

    @property
    def mark_share(self) -> float:
        """The weight of the marks' loss; at 0 nothing is learned of marks, and none is set."""
        # Rounded, as 1 - 0.7 - 0.3 is not 0.
        return 0.0 if self.beta is None else round(1 - self.alpha - self.beta, 9)
