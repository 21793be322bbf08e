"""Generation that is killed at random moments: nothing is lost, and the bits are the same."""

from __future__ import annotations

import shlex
import sys
from itertools import cycle

import pytest

from m4graph.core.rng import generator
from m4graph.core.yaml_file import write_yaml
from m4graph.datasets.making.config import GenerateConfig
from m4graph.datasets.making.generation import GenerationError, generate
from tests.kills import Kills, kill_until_done

from ..conftest import folder_bytes

GENERATE = [sys.executable, "-m", "m4graph.cli.app", "generate"]
RECIPE = {
    "name": "kill",
    "seed": 1,
    "num_scenarios": 40,
    "scenario": {
        "topology": {"kind": "star", "num_hosts": {"choice": [4, 6]}},
        "workload": {
            "kind": "generated",
            "sizes": "web_server",
            "load": {"uniform": [0.3, 0.7]},
            "num_flows": 60,
        },
        # Some scenarios cannot be built: they are to be told of in the same words, too.
        "network": {"buffer_bytes": {"choice": [0, 3_072_000], "weights": [1, 9]}},
        "congestion_control": "dctcp",
    },
}


def command(folder, way):
    """What generates into ``folder/out``, by two workers, two shards at a time, or one process."""
    call = shlex.join([*GENERATE, str(folder / "kill.yaml"), "--out", str(folder / "out")])
    if way == "shards":
        shards = [f"{call} --jobs 1 --shard {number}/2" for number in (1, 2)]
        # When both are done, their manifests become one.
        return f"{shards[0]} & {shards[1]}; wait; {call} --jobs 1"
    return f"{call} --jobs {way}"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted")
    with pytest.raises(GenerationError):
        generate(GenerateConfig.parse(RECIPE), out, jobs=1)
    return folder_bytes(out)


@pytest.mark.parametrize(
    ("num_kills", "in_one_folder"), [(3, 2), pytest.param(50, 6, marks=pytest.mark.slow)]
)
def test_random_kills(num_kills, in_one_folder, uninterrupted, tmp_path):
    """Nothing is damaged or left over, whenever and wherever the kills come."""
    kills, moments = Kills(), generator(0, "kills of generation")
    ways = cycle(["2", "shards", "1"])
    while kills.count < num_kills:
        folder = tmp_path / str(kills.count)
        folder.mkdir()
        write_yaml(folder / "kill.yaml", RECIPE)
        call = command(folder, next(ways))
        few = min(in_one_folder, num_kills - kills.count)
        kills.add(kill_until_done(call, folder / "out", "raw/run_*", moments, 0.4, few, status=1))
        found = folder_bytes(folder / "out")
        assert {name: found[name] for name in uninterrupted} == uninterrupted
        assert all(name.startswith("manifest-") for name in found.keys() - uninterrupted.keys())
    print(f"\n{kills}")
    assert kills.at_work >= kills.count / 2
