"""dask and ray, each as a cluster that generation starts, is connected to, or finds by address."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from m4graph.core.backends import stopping
from m4graph.core.errors import ConfigError, SimulationError
from m4graph.core.parallel import check_backend, unordered
from m4graph.core.yaml_file import write_yaml
from m4graph.datasets.making.generation import generate

from ..conftest import TINY, folder_bytes

pytest.importorskip("dask.distributed")
pytest.importorskip("ray")

COMMAND = [sys.executable, "-m", "m4graph.cli.app", "generate"]


@pytest.fixture(scope="module")
def dask_client():
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(
            1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray_address(tmp_path_factory):
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=2**27)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


def check_command(folder, root, backend, **environment):
    """Generates in a process of its own; what it says, and that the bits are those of one job."""
    write_yaml(folder / "tiny.yaml", TINY)
    arguments = ["tiny.yaml", "--out", "out", "--jobs", "1", "--backend", backend]
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("m4graph: compiling")]
    assert (said, done.returncode) == ([], 0)
    assert done.stdout == "4 runs, 80 flows, 160 events in out\n"
    assert folder_bytes(folder / "out") == folder_bytes(root)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_cluster_started_here(root, tmp_path, backend):
    check_command(tmp_path, root, backend, RAY_worker_niceness="0")


def test_dask_that_is_connected(config, root, tmp_path, dask_client):
    generate(config, tmp_path / "out", backend="dask")
    assert folder_bytes(tmp_path / "out") == folder_bytes(root)
    assert dask_client.status == "running"


def test_dask_by_address(root, tmp_path, dask_client):
    address = dask_client.cluster.scheduler_address
    check_command(tmp_path, root, "dask", DASK_SCHEDULER_ADDRESS=address)


def test_ray_that_is_connected(config, root, tmp_path, ray_address):
    import ray

    generate(config, tmp_path / "out", backend="ray")
    assert folder_bytes(tmp_path / "out") == folder_bytes(root)
    assert ray.is_initialized()


def test_ray_by_address(root, tmp_path, ray_address):
    check_command(tmp_path, root, "ray", RAY_ADDRESS=ray_address)


@pytest.mark.parametrize(("backend", "at_a_time"), [("dask", 2), ("ray", 4)])
def test_results_come_while_others_wait(backend, at_a_time, dask_client, ray_address):
    asked = []

    def numbers():
        for number in range(20):
            asked.append(number)
            yield (number, 2)

    results = unordered(pow, numbers(), backend=backend)
    found = [next(results)]
    assert len(asked) == at_a_time
    assert sorted([*found, *results]) == [number**2 for number in range(20)]


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_error_of_a_worker_comes_as_it_is(backend, dask_client, ray_address):
    with pytest.raises(ConfigError, match=r"^backend: expected one of loky"):
        list(unordered(check_backend, [("mpi", 1)], backend=backend))


def test_dask_worker_that_is_killed_again_and_again():
    from dask.distributed import Client, LocalCluster

    cluster = LocalCluster(1, threads_per_worker=1, dashboard_address=":0", silence_logs=50)
    with (
        stopping(cluster),
        Client(cluster),
        pytest.raises(SimulationError, match="a worker ended early"),
    ):
        list(unordered(os._exit, [(9,)], backend="dask"))


def test_ray_worker_that_is_killed(ray_address):
    with pytest.raises(SimulationError, match="a worker ended early"):
        list(unordered(os._exit, [(9,)], backend="ray"))
