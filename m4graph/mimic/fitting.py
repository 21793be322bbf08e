"""Fits a mimic: two pods are simulated by packet, and a model learns from one of them."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, one_of
from m4graph.core.progress import Progress
from m4graph.core.yaml_file import Override, apply_overrides, read_yaml
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import Pods
from m4graph.mimic.conditions import check_scenario, conditions_of
from m4graph.mimic.folder import Mimic
from m4graph.mimic.models import MIMIC_MODELS
from m4graph.scenario import Scenario
from m4graph.scenario.files import SCENARIO_FILE, load_scenario
from m4graph.simulators.packet.simulator import PacketSimulator
from m4graph.topology.config import TOPOLOGIES
from m4graph.workload.config import WORKLOADS

TRACED_POD = 1
"""The pod that is learned from."""


@plain_call
def fit(
    scenario: str | Path | Scenario,
    model: str = "lindley",
    seed: int = 0,
    overrides: Sequence[Override | tuple[str, str]] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Mimic:
    """Fits a mimic for a scenario of any number of pods.

    Args:
        scenario (str, Path or Scenario): A file or folder, which is cut to two pods
            (:func:`small`), and of whose pods and flows the model may learn the rest; or a scenario
            that has two pods.
        model (str, optional): A name of :data:`~m4graph.mimic.models.MIMIC_MODELS`.
            (default: ``"lindley"``)
        seed (int, optional): Of the flows of the small network, and of the fit. (default: ``0``)
        overrides (Sequence, optional): Of keys of the file, as for :func:`m4graph.load_scenario`.
            (default: none)
        progress (Progress, optional): Called with flows that are done. (default: ``None``)
        **options: The model's own. One that has ``num_pods`` is told how many pods the file has
            before it is cut, if nothing else is given.

    Raises:
        InputError: If the scenario cannot be cut to two pods, or the model does not know it.
        SimulationError: If the run fails.
    """
    kind = MIMIC_MODELS.resolve(model)
    parameters = list(inspect.signature(kind.fit).parameters.values())[2:]
    valid = [parameter.name for parameter in parameters]
    takes_others = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    for name in options:
        if name not in valid and not takes_others:
            raise ConfigError(f"{kind.kind}: unknown option {name!r} (expected {one_of(valid)})")
    whole = None
    if not isinstance(scenario, Scenario):
        whole = load_scenario(scenario, [*overrides, *_seeds(_blocks(scenario, overrides), seed)])
        num_pods = _num_pods(_blocks(scenario, overrides))
        if "num_pods" in valid and num_pods is not None:
            options = {"num_pods": num_pods} | options
        scenario = small(scenario, seed, overrides)
    started = time.process_time()
    trace = trace_small(scenario, progress)
    simulated = time.process_time()
    fitted = kind.fit(trace, seed, **options)
    done = time.process_time()
    learned = whole is not None and fitted.learn_at_size(whole, seed, progress)
    training = {
        "scenario": scenario.name,
        "seed": seed,
        "options": options,
        "num_packets": len(trace.rows),
        "simulation_cpu_s": simulated - started,
        "fit_cpu_s": done - simulated,
        "at_size_cpu_s": time.process_time() - done if learned else 0.0,
    }
    pods = Pods.of(scenario.network, scenario.arrays)
    return Mimic(fitted, conditions_of(scenario, pods), training)


@plain_call
def small(
    path: str | Path, seed: int = 0, overrides: Sequence[Override | tuple[str, str]] = ()
) -> Scenario:
    """The scenario of a file with two pods, and flows of their own seed at the same load.

    Args:
        path (str or Path): The file or folder: a ``clos`` or ``fat_tree`` with a ``generated``
            workload; another network is left as it is.
        seed (int, optional): Takes the place of the scenario's. (default: ``0``)
        overrides (Sequence, optional): As for :func:`m4graph.load_scenario`. (default: none)

    Raises:
        InputError: If the file is bad, or its flows are not drawn.
    """
    try:
        cut = list(_cuts(_blocks(path, overrides), seed))
    except ConfigError as error:
        raise ConfigError(f"{_file(path)}: {error}") from None
    return load_scenario(path, [*overrides, *cut])


@plain_call
def trace_small(scenario: Scenario, progress: Progress | None = None) -> BoundaryTrace:
    """Simulates a scenario of two pods by packet; gives the trace of one of them.

    Raises:
        ConfigError: If it has another number of pods, or mimics cannot do it.
        SimulationError: If the run fails.
    """
    pods = Pods.of(scenario.network, scenario.arrays)
    if pods.num_pods != 2:
        raise ConfigError(
            "topology: expected two pods to fit a mimic, or kind clos or fat_tree, of which two "
            f"are taken (got {pods.num_pods} pods)"
        )
    check_scenario(scenario, pods)
    taps = {"taps": pods.ends(taps_of(pods, TRACED_POD))}
    result = PacketSimulator(recording=taps).run(scenario, progress)
    return BoundaryTrace.of(result, TRACED_POD, pods)


def _file(path: str | Path) -> Path:
    return Path(path) / SCENARIO_FILE if Path(path).is_dir() else Path(path)


def _blocks(path: str | Path, overrides: Sequence[Override | tuple[str, str]]) -> dict[str, Any]:
    """What a scenario's file holds."""
    changes = [each if isinstance(each, Override) else Override(*each) for each in overrides]
    return apply_overrides(read_yaml(_file(path)), changes)


def _num_pods(blocks: Mapping[str, Any]) -> int | None:
    """Pods of a ``clos`` or ``fat_tree``; ``None`` if the file does not say."""
    topology = blocks.get("topology")
    if not isinstance(topology, Mapping):
        return None
    key = {"clos": "pods", "fat_tree": "k"}.get(TOPOLOGIES.spelling(str(topology.get("kind"))))
    num_pods = None if key is None else topology.get(key)
    return num_pods if isinstance(num_pods, int) else None


def _cuts(blocks: Mapping[str, Any], seed: int) -> Iterable[Override]:
    """What is set to have two pods."""
    topology, workload = blocks.get("topology"), blocks.get("workload")
    if not isinstance(topology, Mapping) or not isinstance(workload, Mapping):
        return
    yield from _seeds(blocks, seed)
    kind, num_pods = TOPOLOGIES.spelling(str(topology.get("kind"))), _num_pods(blocks)
    if kind == "clos":
        yield Override("topology.pods", "2")
    elif kind == "fat_tree" and num_pods is not None:
        half = num_pods // 2
        counts = dict.fromkeys(("racks", "hosts", "planes", "spines"), half)
        others = {key: value for key, value in topology.items() if key not in ("kind", "k")}
        block = {"kind": "clos", "pods": 2, **counts, **others}
        yield Override("topology", json.dumps(block))
    else:
        return
    if WORKLOADS.spelling(str(workload.get("kind"))) != "generated":
        raise ConfigError(
            "workload.kind: expected generated, to draw flows for two pods "
            f"(got {workload.get('kind', 'a file')})"
        )
    if isinstance(workload.get("num_flows"), int) and num_pods is not None:
        yield Override("workload.num_flows", str(max(2 * workload["num_flows"] // num_pods, 1)))


def _seeds(blocks: Mapping[str, Any], seed: int) -> Iterator[Override]:
    """What is set to have flows of another seed."""
    yield Override("seed", str(seed))
    workload = blocks.get("workload")
    if isinstance(workload, Mapping) and "seed" in workload:
        yield Override("workload.seed", str(seed))
