"""Each rule for topologies, size laws, faults and data sets catches one that breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pydantic import ConfigDict, Field

from m4graph.datasets import GenerateConfig, NamedDataset
from m4graph.scenario.faults import FAULTS, Slow
from m4graph.testing import (
    ConformanceError,
    check_dataset,
    check_fault,
    check_size_law,
    check_topology,
)
from m4graph.topology import TOPOLOGIES, star
from m4graph.workload import SIZE_LAWS


def good_star(num_hosts=3, gbps=10):
    return star(num_hosts, gbps)


def a_list(num_hosts=3):
    return [num_hosts]


def apart(num_hosts=3):
    graph = good_star(num_hosts)
    graph.remove_edge(0, num_hosts)
    return graph


def lonely(num_hosts=1):
    return star(1)


SHARED = star(3)


def shared():
    return SHARED


RATES = iter(range(1, 100))


def changing():
    return star(3, gbps=next(RATES))


def by_object(rate=complex(1, 2)):
    return star(3)


def loose(num_hosts=3):
    return star(int(num_hosts))


@pytest.mark.parametrize(
    ("rule", "topology", "parameters"),
    [
        ("made", a_list, {}),
        ("valid", apart, {}),
        ("valid", lonely, {}),
        ("same network", shared, {}),
        ("same network", changing, {}),
        ("YAML", by_object, {"rate": complex(1, 2)}),
        ("bad keys", loose, {"num_hosts": 3}),
    ],
)
def test_a_broken_topology_is_caught(rule, topology, parameters):
    TOPOLOGIES.register("broken", topology)
    with pytest.raises(ConformanceError, match=r"expected .*\(got ") as error:
        check_topology("broken", **parameters)
    assert error.value.rule == rule


class Uniform:
    """From 1 to 999 bytes; keeps all rules but that on bad keys."""

    def __init__(self, most_bytes=999):
        self.most_bytes = int(most_bytes)

    @property
    def mean_bytes(self):
        return (1 + self.most_bytes) / 2

    def sample(self, generator, num_flows):
        return generator.integers(1, self.most_bytes + 1, num_flows)


class NoMean(Uniform):
    mean_bytes = float("inf")


class Floats(Uniform):
    def sample(self, generator, num_flows):
        return super().sample(generator, num_flows) * 1.0


class FromZero(Uniform):
    def sample(self, generator, num_flows):
        return super().sample(generator, num_flows) - 1


class OneMore(Uniform):
    def sample(self, generator, num_flows):
        return super().sample(generator, num_flows + 1)


class OwnSeed(Uniform):
    def sample(self, generator, num_flows):
        return super().sample(np.random.default_rng(), num_flows)


class GlobalSeed(Uniform):
    def sample(self, generator, num_flows):
        np.random.seed(0)
        return np.random.randint(1, self.most_bytes + 1, num_flows)


class OtherMean(Uniform):
    @property
    def mean_bytes(self):
        return 1.02 * super().mean_bytes


@pytest.mark.parametrize(
    ("rule", "law", "parameters"),
    [
        ("made", Uniform, {"least_bytes": 1}),
        ("mean", NoMean, {}),
        ("sizes", Floats, {}),
        ("sizes", FromZero, {}),
        ("sizes", OneMore, {}),
        ("seed", OwnSeed, {}),
        ("seed", GlobalSeed, {}),
        ("declared mean", OtherMean, {}),
        ("YAML", Uniform, {"most_bytes": np.float64(999)}),
        ("bad keys", Uniform, {"most_bytes": 999}),
    ],
)
def test_a_broken_size_law_is_caught(rule, law, parameters):
    SIZE_LAWS.register("broken", law)
    with pytest.raises(ConformanceError, match=r"expected .*\(got ") as error:
        check_size_law("broken", **parameters)
    assert error.value.rule == rule


class Halved(Slow):
    kind: Literal["broken"] = "broken"
    factor: float = Field(default=0.5, gt=0, le=1)


class Misnamed(Halved):
    kind: Literal["halved"] = "halved"


class Loose(Halved):
    model_config = ConfigDict(extra="ignore")


class Always(Halved):
    def is_active(self, time_ns):
        return True


class BothWays(Halved):
    def links(self, arrays):
        forward = arrays.link_id(*self.link)
        return [forward, forward ^ 1]


class Stopped(Halved):
    def left_rate_bps(self, own_rate_bps):
        return 0


class TooLossy(Halved):
    @property
    def loss_probability(self):
        return 1.5


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("registered", Misnamed),
        ("bad keys", Loose),
        ("only in its time", Always),
        ("only its links", BothWays),
        ("values", Stopped),
        ("values", TooLossy),
    ],
)
def test_a_broken_fault_is_caught(rule, fault):
    FAULTS.register("broken", fault)
    with pytest.raises(ConformanceError) as error:
        check_fault("broken")
    assert error.value.rule == rule


def test_a_good_fault():
    FAULTS.register("broken", Halved)
    assert "values" in check_fault("Broken").rules


RECIPE = {
    "name": "mine",
    "num_scenarios": 2,
    "scenario": {
        "topology": {"kind": "star", "num_hosts": 3},
        "workload": {"kind": "generated", "num_flows": 20, "load": 0.3, "sizes": "web_server"},
        "congestion_control": "dctcp",
    },
}


def recipe(**changes):
    return GenerateConfig.parse({**RECIPE, **changes})


def scenario(**changes):
    return recipe(scenario={**RECIPE["scenario"], **changes})


FIXED = {"kind": "generated", "num_flows": 20, "load": 0.3, "sizes": "web_server", "seed": 1}
NO_HOSTS = {"kind": "star", "num_hosts": 0}


@pytest.mark.parametrize(
    ("rule", "dataset"),
    [
        ("recipe", recipe()),
        ("recipe", NamedDataset("yours", recipe())),
        ("recipe", NamedDataset("mine", Path("/none/recipe.yaml"))),
        ("recipe", NamedDataset("mine", recipe(), recipe_sha256="00")),
        ("scenarios", NamedDataset("mine", scenario(topology=NO_HOSTS))),
        ("scenarios", NamedDataset("mine", scenario(workload=FIXED))),
        ("runs", NamedDataset("mine", recipe(), runs_sha256="00")),
    ],
)
def test_a_broken_data_set_is_caught(rule, dataset):
    with pytest.raises(ConformanceError, match=r"expected .*\(got ") as error:
        check_dataset(dataset)
    assert error.value.rule == rule


def test_good_ones():
    check_topology(good_star, num_hosts=3)
    check_size_law(Uniform, most_bytes=500)
    assert "split" in check_dataset(NamedDataset("mine", recipe())).rules
