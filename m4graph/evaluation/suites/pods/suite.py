"""The suite ``mimic``: one setting with more and more pods, and what a small network says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from m4graph.core.yaml_file import read_yaml
from m4graph.scenario.suite import Case, Suite

FULL, SMALL, MATCHED = "full", "small-scale", "matched share"
"""What a case is for: the truth; two pods instead of many; two pods that send out as much."""

_SETTINGS = Path(__file__).parent
BASE, DCTCP_WINDOW, FABRIC = (
    _SETTINGS / f"{name}.yaml" for name in ("base", "dctcp_window", "fabric")
)
"""Also in ``configs/mimic``."""

MODELS = ("constant", "iid", "lindley")
NUM_PODS = (4, 8, 16, 32)
SEEDS = range(100, 105)
FIT_SEED = 0
"""Mimics are fitted on a run of this seed, which no case has."""

_FABRIC_MARGIN_NS = 10_000_000


@dataclass(frozen=True)
class PodCase(Case):
    """A scenario of pods.

    Args:
        role (str): :data:`FULL`, :data:`SMALL` or :data:`MATCHED`.
        num_pods (int): Of the network that it is about, not of its own.
        seed (int): The scenario's.
    """

    role: str = FULL
    num_pods: int = 2
    seed: int = 0


@dataclass(frozen=True)
class PodSuite(Suite):
    """Scenarios of which distributions are compared, not single flows.

    Args:
        setting (Path): A scenario of which all cases are variants; mimics are fitted on it.
        models (tuple): Mimics that are fitted, kinds of models. (default: none)
        margin_ns (int): As of :meth:`~m4graph.mimic.samples.HostSamples.of`.
    """

    setting: Path = Path()
    models: tuple[str, ...] = ()
    margin_ns: int = 10**9

    @property
    def has_noise(self) -> bool:
        """Not here: the noise of these suites is that of seeds."""
        return False

    def alone(self) -> Self:
        """The suite without simulators that it brings along, and without its mimics."""
        return replace(super().alone(), models=())


def mimic() -> PodSuite:
    """MimicNet's base configuration with a tenth of its sizes, NewReno and drop-tail queues, 20 s,
    of 4 to 32 pods, with 5 seeds.

    Reference:
        Zhang et al., "MimicNet: Fast Performance Estimates for Data Center Networks with Machine
        Learning", SIGCOMM 2021.
    """
    return pod_suite("mimic", BASE, NUM_PODS)


def mimic_dctcp() -> PodSuite:
    """As ``mimic``, with DCTCP as it was published, and 8 and 32 pods."""
    return pod_suite("mimic_dctcp", DCTCP_WINDOW, (8, 32))


def mimic_fabric() -> PodSuite:
    """10 Gb/s, DCTCP of the RDMA model and default switches, 8 and 32 pods: beside the simulators
    that know no packets.
    """
    suite = pod_suite("mimic_fabric", FABRIC, (8, 32), SEEDS[:2], ("lindley",), _FABRIC_MARGIN_NS)
    return replace(suite, compared=("packet", "fluid", "learned", "parsimon"))


def pod_suite(
    name: str,
    setting: Path,
    num_pods: tuple[int, ...],
    seeds: range = SEEDS,
    models: tuple[str, ...] = MODELS,
    margin_ns: int = 10**9,
) -> PodSuite:
    """A suite of a setting: seed by seed all numbers of pods, and the baselines of two pods.

    Args:
        name (str): The suite's.
        setting (Path): The scenario, of a Clos network and generated flows.
        num_pods (tuple): Numbers of pods.
        seeds (range): Seeds. (default: those of tables)
        models (tuple): Mimics to fit.
        margin_ns (int): As of :class:`PodSuite`.
    """
    blocks = read_yaml(setting)
    cases = tuple(case for seed in seeds for case in _cases(blocks, num_pods, seed))
    return PodSuite(
        name,
        cases,
        balanced=True,
        compared=("packet",),
        setting=setting,
        models=models,
        margin_ns=margin_ns,
    )


def _cases(blocks: Mapping[str, Any], num_pods: tuple[int, ...], seed: int) -> Iterator[PodCase]:
    yield PodCase(f"2-pods-{seed}", with_pods(blocks, 2, seed), None, SMALL, 2, seed)
    for number in num_pods:
        matched = with_pods(blocks, 2, seed)
        matrix = matched_matrix(number, blocks["topology"]["racks"])
        matched["workload"] = {**matched["workload"], "matrix": matrix}
        yield PodCase(f"2-pods-as-{number}-{seed}", matched, None, MATCHED, number, seed)
        yield PodCase(
            f"{number}-pods-{seed}", with_pods(blocks, number, seed), None, FULL, number, seed
        )


def with_pods(blocks: Mapping[str, Any], num_pods: int, seed: int) -> dict[str, Any]:
    """A setting with another number of pods and seed."""
    topology = {**blocks["topology"], "pods": num_pods}
    return {**blocks, "topology": topology, "seed": seed}


def matched_matrix(num_pods: int, racks: int) -> dict[str, Any]:
    """Two pods that exchange the share of flows that leaves each of ``num_pods`` pods, if every
    rack sends to every other one alike.
    """
    others = num_pods * racks - 1
    pod = np.arange(2 * racks) // racks
    same = pod[:, None] == pod[None, :]
    weight = np.where(same, 1.0, (others - racks + 1) / racks)
    np.fill_diagonal(weight, 0)
    return {"kind": "rack_matrix", "matrix": weight.tolist()}
