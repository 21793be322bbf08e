"""What every model of a pod must keep."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from m4graph import topology
from m4graph.core.calls import plain_call
from m4graph.mimic.boundary import BoundaryTrace, taps_of
from m4graph.mimic.clusters import Pods
from m4graph.mimic.compose import hook, visible
from m4graph.mimic.models import MIMIC_MODELS, MimicModel, MimicStep
from m4graph.mimic.shape import AGG_UP, RACK_DOWN
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.simulators.packet.layout import LEAVE
from m4graph.simulators.packet.simulator import PacketSimulator
from m4graph.testing.rules import Report, Rules, expect, expect_equal
from m4graph.workload import generate

_NUM_FLOWS = 60
"""Of each two pods."""


@plain_call
def check_mimic_model(model: str, num_pods: int = 3, **options: Any) -> Report:
    """Checks a model of pods on a few flows.

    Rules: it is fitted on a trace of two pods; what it saves is JSON and arrays without Python
    objects, and makes the same model again; in a network of other pods all flows that the
    simulated pod sees are finished; the same seed gives the same bits; packets of a flow leave a
    mimic in their order.

    Args:
        model (str): A name of :data:`m4graph.mimic.models.MIMIC_MODELS`.
        num_pods (int, optional): Of the network in which the fitted model runs. (default: ``3``)
        **options: Of its ``fit``.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("mimic model", model)
    with rules("registered"):
        kind = MIMIC_MODELS.resolve(model)
        is_model = isinstance(kind, type) and issubclass(kind, MimicModel)
        expect(is_model, "a subclass of m4graph.mimic.models.MimicModel", kind)
        expect(MIMIC_MODELS.resolve(kind.kind) is kind, "kind to be its name", repr(kind.kind))
    with rules("fitted"):
        fitted = kind.fit(_trace(), 0, **options)
        expect(isinstance(fitted, kind), f"a {kind.__name__}", type(fitted).__name__)
    with rules("saved"):
        settings = json.loads(json.dumps(fitted.settings(), allow_nan=False))
        arrays = {name: array.copy() for name, array in fitted.arrays().items()}
        for name, array in arrays.items():
            expect(not array.dtype.hasobject, f"no Python objects in array {name}", array.dtype)
        again = kind.from_saved(settings, arrays)
        expect(isinstance(again, kind), f"a {kind.__name__} again", type(again).__name__)
    scenario = _scenario(num_pods)
    pods = Pods.of(scenario.network, scenario.arrays)
    with rules("started"):
        step = fitted.start(pods, scenario, 0)
        expect(isinstance(step, MimicStep), "a MimicStep", type(step).__name__)
    first = _run(fitted, scenario, pods)
    with rules("finished"):
        expect(first.num_finished == first.num_flows, "all flows to finish", first.num_finished)
    with rules("same bits"):
        expect_equal(_run(fitted, scenario, pods).fct_ns, first.fct_ns, "the same times twice")
        expect_equal(_run(again, scenario, pods).fct_ns, first.fct_ns, "the same from its files")
    with rules("order of packets"):
        rows = first.extra["recording"].tap_rows
        rows = rows[rows["event"] == LEAVE]
        order = np.lexsort((rows["time_ticks"], rows["kind"], rows["flow"]))
        rows = rows[order]
        same = (np.diff(rows["flow"]) == 0) & (np.diff(rows["kind"]) == 0)
        late = np.flatnonzero(same & (np.diff(rows["packet"]) < 0))
        expect(not len(late), "no packet to overtake one of its flow", f"{len(late)} that do")
    return rules.report


def _scenario(num_pods: int) -> Scenario:
    network = topology.clos(
        pods=num_pods, racks=2, hosts=2, planes=2, spines=1, host_gbps=1, fabric_gbps=1
    )
    sizes = {"kind": "exponential", "mean_bytes": 30_000}
    workload = generate(network, sizes, load=0.6, num_flows=_NUM_FLOWS * num_pods // 2, seed=1)
    queue = {"kind": "drop_tail", "capacity_packets": 30}
    return Scenario(network, workload, "newreno", config={"queue": queue})


def _trace() -> BoundaryTrace:
    scenario = _scenario(2)
    pods = Pods.of(scenario.network, scenario.arrays)
    taps = {"taps": pods.ends(taps_of(pods, 1))}
    return BoundaryTrace.of(PacketSimulator(recording=taps).run(scenario), 1, pods)


def _run(model: MimicModel, scenario: Scenario, pods: Pods) -> SimulationResult:
    seen = visible(scenario, pods)
    exits = np.flatnonzero(np.isin(pods.link_role, (AGG_UP, RACK_DOWN)) & (pods.link_pod > 0))
    step = model.start(pods, scenario, 0)
    simulator = PacketSimulator(recording={"taps": pods.ends(exits)}, watchers=[hook(pods, step)])
    return simulator.run(seen)
