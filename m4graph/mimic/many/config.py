"""The configuration of ``m4graph mimic train``: scenarios, how they are cut, and the training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from m4graph.core.calls import plain_call
from m4graph.core.schema import KeyProblem, StrictModel
from m4graph.core.yaml_file import Override, apply_overrides, locate, read_yaml
from m4graph.datasets.making.config import GenerateConfig

_KEPT = ("topology", "workload", "network", "congestion_control")


class Cut(StrictModel):
    """A small run instead of a large one.

    Args:
        pods (int): Of the small network.
        traced (int): So many of them are learned from. (default: ``1``)
        stop_us (float): When the run ends.
    """

    pods: int = Field(ge=2)
    traced: int = Field(default=1, ge=1)
    stop_us: float = Field(gt=0)


class ManyConfig(GenerateConfig):
    """Scenarios of large networks, the cuts of them that are simulated, and the training.

    Args:
        cuts (list[Cut]): Scenario ``i`` is cut to entry ``i % len(cuts)``, or to as many pods as
            it has.
        warm_up_us (float): What happens before is not learned. (default: ``500000``)
        hidden_channels (int): Width of the network. (default: ``48``)
        num_layers (int): Rounds of messages. (default: ``2``)
        max_steps (int): Of the optimiser. (default: ``1500``)
        batch_size (int): Pods in a step. (default: ``32``)
        lr (float): Learning rate at first. (default: ``3e-3``)
        weight_decay (float): Of AdamW. (default: ``0.01``)
    """

    cuts: list[Cut] = Field(min_length=1)
    warm_up_us: float = Field(default=500_000, ge=0)
    hidden_channels: int = Field(default=48, ge=4, le=256)
    num_layers: int = Field(default=2, ge=1, le=8)
    max_steps: int = Field(default=1500, ge=1)
    batch_size: int = Field(default=32, ge=1)
    lr: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)

    @classmethod
    def parse(cls, data: object, key: str = "") -> Self:
        """Validates a configuration.

        Raises:
            KeyProblem: For the first bad key.
        """
        config = super().parse(data, key)
        for name in config.scenario:
            if name not in _KEPT:
                raise KeyProblem(f"scenario.{name}", f"expected one of {', '.join(_KEPT)}")
        return config

    def small(self, index: int) -> tuple[dict[str, Any], int, int]:
        """Scenario ``index``, cut.

        Returns:
            tuple: What stands in its ``scenario.yaml``; the pods that it had; and how many of those
            that are left are learned from.
        """
        whole, to = self.describe(index), self.cuts[index % len(self.cuts)]
        return cut(whole, to), int(whole["topology"]["pods"]), to.traced


def cut(description: dict[str, Any], to: Cut) -> dict[str, Any]:
    """The description of a small network whose pods have the same traffic as those of a large one.

    As large a part of each host's flows leaves its pod, though there are fewer pods to go to.

    Args:
        description (dict): Blocks of a scenario: a ``clos`` with a generated workload, whose hosts
            send to all racks but their own alike.
        to (Cut): What is left.

    Raises:
        KeyProblem: If it is another topology or workload.
    """
    topology, workload = description["topology"], description["workload"]
    if topology.get("kind") != "clos":
        raise KeyProblem("scenario.topology.kind", f"expected clos (got {topology.get('kind')!r})")
    if workload.get("kind") != "generated":
        raise KeyProblem(
            "scenario.workload.kind", f"expected generated (got {workload.get('kind')!r})"
        )
    for name, least in (("pods", 2), ("racks", 1)):
        value = topology.get(name)
        if not isinstance(value, int) or value < least:
            raise KeyProblem(
                f"scenario.topology.{name}", f"expected {least} or more (got {value!r})"
            )
    pods = min(to.pods, topology["pods"])
    matrix = _matrix(pods, topology["racks"], (topology["pods"] - 1) / (pods - 1))
    return description | {
        "topology": topology | {"pods": pods},
        "workload": workload
        | {"until_us": to.stop_us, "matrix": {"kind": "rack_matrix", "matrix": matrix}},
        "stop_us": to.stop_us,
    }


def _matrix(pods: int, racks: int, to_other_pods: float) -> list[list[float]]:
    """Flows from rack to rack: none inside a rack, 1 inside a pod."""
    rows = range(pods * racks)
    return [
        [
            0.0 if src == dst else 1.0 if src // racks == dst // racks else to_other_pods
            for dst in rows
        ]
        for src in rows
    ]


@plain_call
def load_many_config(path: str | Path, overrides: Iterable[Override] = ()) -> ManyConfig:
    """Reads a configuration.

    Raises:
        InputError: For bad input; the message names the file and the key.
    """
    changes = list(overrides)
    try:
        return ManyConfig.parse(apply_overrides(read_yaml(Path(path)), changes))
    except KeyProblem as problem:
        raise locate(problem, str(path), changes) from None
