"""What keeps evaluation out of training: seeds with a range of their own, and reserved hashes.

``m4graph/reserved_scenarios.json`` holds the hashes of scenarios that suites and examples evaluate
on. Datasets refuse such a scenario wherever it comes from, without importing a suite.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError
from m4graph.core.integers import as_integer
from m4graph.core.rng import EVALUATION_SEEDS, is_evaluation_seed
from m4graph.core.schema import KeyProblem, join_key
from m4graph.runs.flow_network import FlowNetwork
from m4graph.runs.labelled_run import LabelledRun
from m4graph.scenario import Scenario

_SUITE = "suite "
RESERVED_FILE = Path(__file__).resolve().parents[2] / "reserved_scenarios.json"


def check_training_seed(seed: int, key: str) -> None:
    """Refuses a seed that is kept for evaluation.

    Args:
        seed (int): The seed.
        key (str): Where it stands, for the message.

    Raises:
        KeyProblem: If it is one.
    """
    if is_evaluation_seed(seed):
        raise KeyProblem(
            key,
            f"expected a seed outside {EVALUATION_SEEDS.start} to {EVALUATION_SEEDS.stop - 1}, "
            f"which are kept for evaluation (got {seed})",
        )


def check_training_seeds(description: Mapping[str, Any], key: str = "") -> None:
    """Refuses a ``scenario.yaml`` one of whose seeds, at any depth, is kept for evaluation.

    Args:
        description (Mapping): Its blocks.
        key (str): Where they stand, for the message. (default: ``""``)

    Raises:
        KeyProblem: If there is one.
    """
    for name, value in description.items():
        if isinstance(value, Mapping):
            check_training_seeds(value, join_key(key, name))
        elif name == "seed" and (seed := as_integer(value)) is not None and seed >= 0:
            check_training_seed(seed, join_key(key, name))


@plain_call
def scenario_hash(scenario: Scenario | FlowNetwork | LabelledRun) -> str:
    """The hash of a scenario's links, flows and routes.

    Two scenarios that differ in their algorithm or its parameters alone have the same one: seeing
    the same traffic under another window would be a leak too.
    """
    if isinstance(scenario, LabelledRun):
        scenario = scenario.network
    network = FlowNetwork.from_scenario(scenario) if isinstance(scenario, Scenario) else scenario
    digest = hashlib.sha256(b"m4graph scenario 1")
    for name in _DEFINING:
        array = np.ascontiguousarray(getattr(network, name), dtype="<i8")
        digest.update(f"{name} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@cache
def reserved_scenarios() -> dict[str, str]:
    """The hashes that datasets refuse, each with what it stands for."""
    return dict(json.loads(RESERVED_FILE.read_text(encoding="utf-8")))


def suite_of(digest: str) -> str | None:
    """The suite for which a scenario is reserved, if it is for one."""
    purpose = reserved_scenarios().get(digest, "")
    suite, _, _ = purpose.partition(",")
    return suite.removeprefix(_SUITE) if suite.startswith(_SUITE) else None


def refuse_reserved(digest: str, where: str) -> None:
    """Refuses a scenario that is reserved for evaluation.

    Args:
        digest (str): Its :func:`scenario_hash`.
        where (str): What holds it, for the message.

    Raises:
        InputError: If it is one.
    """
    purpose = reserved_scenarios().get(digest)
    if purpose is not None:
        raise InputError(
            f"{where}: expected a scenario that no evaluation uses (got that of {purpose})"
        )


_DEFINING = (
    "link_rate_bps",
    "link_delay_ns",
    "size_bytes",
    "start_ns",
    "route_ptr",
    "route_links",
)
