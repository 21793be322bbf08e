"""Archives of RouteNet as graphs: every number of a small one is known."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from m4graph.core.errors import InputError
from m4graph.datasets import RouteNetDataset
from m4graph.datasets.importers.routenet.traffic import TIME_DISTRIBUTIONS, TIME_PARAMETERS

from . import bnn


def parameters(**values):
    return [values.get(name, 0.0) for name in TIME_PARAMETERS]


def equal(tensor, values, dtype=torch.float32):
    wanted = torch.tensor(values, dtype=dtype)
    assert tensor.dtype == dtype
    assert torch.equal(tensor, wanted), (tensor, wanted)


def edges(data, kind):
    return list(map(tuple, data[kind].edge_index.t().tolist()))


def test_paths(write_chain):
    data = RouteNetDataset(write_chain())[0]
    data.validate()
    path = data["path"]
    # Flows are told apart, in the order of their nodes and their numbers between them.
    equal(path.src, [0, 0, 0, 2], torch.int64)
    equal(path.dst, [1, 2, 2, 0], torch.int64)
    equal(path.flow, [0, 0, 1, 0], torch.int64)
    equal(path.tos, [0, 1, 2, 1], torch.int64)
    equal(path.traffic_bps, [500, 1000, 750, 250])
    equal(path.packets_per_s, [0.5, 1, 1.5, 0.25])
    equal(path.mean_bps, [400, 800, 500, 600])
    names = [list(TIME_DISTRIBUTIONS)[index] for index in path.time_distribution.tolist()]
    assert names == ["poisson", "cbr", "on_off", "autocorrelated"]
    equal(
        path.time_parameters,
        [
            parameters(packets_per_s=0.4, max_factor=10),
            parameters(packets_per_s=0.8),
            parameters(on_packets_per_s=2.5, off_s=5, on_s=3, max_factor=10),
            parameters(ar_a=0.7, samples=100),
        ],
    )
    equal(path.size_distribution, [2, 0, 3, 2], torch.int64)
    equal(path.mean_packet_bits, [1000, 1000, 600, 1000])
    equal(path.packet_bits[:, :3], [[300, 1700, 0], [1000, 0, 0], [200, 1000, 0], [300, 1700, 0]])
    equal(path.packet_share[:, :3], [[0.5, 0.5, 0], [1, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0]])
    equal(path.delay_s, [0.25, 3, 4, 2])
    equal(path.log_delay, [-1.5, 1, 1.25, 0.5])
    equal(path.jitter_s2, [0.01, 0.25, 0.75, 0.5])
    equal(path.drops_per_s, [0.125, 0.5, 0.75, 0])
    equal(path.loss, [0.25, 0.5, 0.5, 0])
    equal(path.delay_percentiles_s[2], [2, 3, 4, 5, 6])
    assert (data.max_mean_bps, data.packets_per_s, data.drops_per_s) == (1000.0, 9.5, 0.25)
    assert (data.delay_s, data.simulated_s) == (0.5, 1234.5)


def test_links_and_queues(write_chain):
    data = RouteNetDataset(write_chain())[0]
    link, queue = data["link"], data["queue"]
    equal(link.src, [0, 1, 1, 2], torch.int64)
    equal(link.dst, [1, 0, 2, 1], torch.int64)
    equal(link.policy, [0, 1, 1, 0], torch.int64)
    equal(link.capacity_bps, [10_000] * 4)
    equal(link.load, [0.225, 0.025, 0.175, 0.025])
    equal(link.utilization, [0.2, 0.05, 0.15, 0.03])
    equal(link.loss, [0.01, 0, 0.02, 0])
    equal(link.mean_packet_bits, [1000, 990, 800, 980])
    # Node 1 has two queues a port, the others one.
    assert edges(data, ("queue", "feeds", "link")) == [
        (0, 0),
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
    ]
    equal(queue.level, [0, 0, 1, 0, 1, 0], torch.int64)
    equal(queue.buffer, [32000, 8000, 16000, 8000, 16000, 32000])
    equal(queue.buffer_in_packets, [False] * 6, torch.bool)
    equal(queue.weight, [0] * 6)
    equal(queue.mean_occupancy, [0.5, 0.25, 0, 0.75, 0.125, 0.375])
    equal(queue.max_occupancy, [3, 1, 0, 4, 1, 2])
    equal(queue.utilization, [0.2, 0.05, 0, 0.1, 0.05, 0.03])
    equal(queue.mean_packet_bits, [1000, 990, 0, 900, 700, 980])


def test_edges_follow_the_routes(write_chain):
    data = RouteNetDataset(write_chain())[0]
    crosses = ("path", "crosses", "link")
    assert edges(data, crosses) == [(0, 0), (1, 0), (1, 2), (2, 0), (2, 2), (3, 3), (3, 1)]
    equal(data[crosses].hop, [0, 0, 1, 0, 1, 0, 1], torch.int64)
    # Types 1 and 2 share node 1's second queue; a FIFO has one queue for all types.
    waits = ("path", "waits_in", "queue")
    assert edges(data, waits) == [(0, 0), (1, 0), (1, 4), (2, 0), (2, 4), (3, 5), (3, 2)]
    for forth in (crosses, waits, ("queue", "feeds", "link")):
        back = (forth[2], f"rev_{forth[1]}", forth[0])
        assert torch.equal(data[back].edge_index, data[forth].edge_index.flip(0))


@pytest.mark.parametrize(
    ("keys", "weights"),
    [
        ({"schedulingPolicy": "WFQ", "schedulingWeights": "60,20,20"}, [0.6, 0.2, 0.2]),
        ({"schedulingPolicy": "DRR", "schedulingWeights": "1, 1,2"}, [0.25, 0.25, 0.5]),
        ({"schedulingPolicy": "SP", "schedulingWeights": "60,20,20"}, [0, 0, 0]),
        ({"schedulingPolicy": "WFQ", "schedulingWeights": "-"}, [0, 0, 0]),
    ],
)
def test_policies(write_chain, keys, weights):
    """Three queues, a type of service each; one size stands for all of them, here in packets."""
    node = {"levelsQoS": 3, "queueSizes": 32, **keys}
    nodes = {0: {"schedulingPolicy": "FIFO"}, 1: node, 2: {}}
    root = write_chain(nodes=nodes, linkUsage_txt=None)
    # The default writes bufferSizes for each node.
    file = root / "raw" / "train" / "graphs" / "chain.txt"
    text = file.read_text().replace("bufferSizes", "other", 2).replace("other", "bufferSizes", 1)
    file.write_text(text)
    data = RouteNetDataset(root)[0]
    assert data["link"].policy.tolist() == [
        0,
        *[["FIFO", "SP", "WFQ", "DRR"].index(keys["schedulingPolicy"])] * 2,
        0,
    ]
    equal(data["queue"].weight[1:4], weights)
    equal(data["queue"].buffer[1:7], [32] * 6)
    assert data["queue"].buffer_in_packets.tolist() == [False, *[True] * 6, False]
    assert "utilization" not in data["queue"]
    level = data["queue"].level[data["path", "waits_in", "queue"].edge_index[1]]
    assert level.tolist() == [0, 0, 1, 0, 2, 0, 1]


def test_more_nodes_than_digits(tmp_path):
    """Eleven nodes: pairs are numbered, not spelt."""
    num = 12
    bnn.write(
        tmp_path / "raw",
        {
            "simulationResults.txt": [bnn.result_line(num, {(1, 11): "1,1,0,7,0,0,0,0,0,0,0"})],
            "traffic.txt": [bnn.traffic_line(num, {(1, 11): "6,5,4,0"})],
            "input_files.txt": ["0;g;r"],
        },
        {"g": bnn.chain(num)},
        {"r": bnn.chain_routing(num)},
    )
    data = RouteNetDataset(tmp_path)[0]
    links = data["path", "crosses", "link"].edge_index[1]
    assert data["link"].src[links].tolist() == list(range(1, 11))
    assert data["link"].dst[links].tolist() == list(range(2, 12))
    # Sizes of a trace are measured: 1 kbit/s in 1 packet/s.
    equal(data["path"].mean_packet_bits, [1000])
    assert np.isnan(data.simulated_s)
    equal(
        data["link"].load,
        [
            0.1 if s < d and s > 0 else 0.0
            for s, d in zip(data["link"].src.tolist(), data["link"].dst.tolist(), strict=True)
        ],
    )


def test_what_is_left_out(write_chain):
    """Flows without packets, traffic of a node with itself, simulations that were not stable."""
    traffic = bnn.traffic_line(
        3, {(0, 0): "x", (0, 1): "0,4,1,1,0,9,0:-1", (1, 2): "0,4,1,1,0,9,0"}
    )
    results = bnn.result_line(
        3, {(0, 1): f"{bnn.RESULT}:{bnn.RESULT}", (1, 2): "1,1,0,5,0,0,0,0,0,0,0"}
    )
    root = write_chain(
        traffic_txt=[traffic] * 2,
        simulationResults_txt=[results] * 2,
        flowSimulationResults_txt=None,
        stability_txt=["7;MAX_TIME;", "8;OK;"],
    )
    dataset = RouteNetDataset(root)
    assert (len(dataset), dataset.num_unstable) == (1, 1)
    assert dataset[0].simulated_s == 8
    assert list(
        zip(dataset[0]["path"].src.tolist(), dataset[0]["path"].dst.tolist(), strict=True)
    ) == [(1, 2)]


def test_no_traffic_at_all(write_chain):
    dataset = RouteNetDataset(write_chain(traffic_txt=[bnn.traffic_line(3, {})] * 2))
    assert dataset[0]["path"].time_parameters.shape == (0, len(TIME_PARAMETERS))
    assert dataset[0]["path", "crosses", "link"].edge_index.shape == (2, 0)


def test_link_rates(write_chain):
    inputs = ["0;chain.txt;routing.txt;rates.txt", "1;chain.txt;routing.txt"]
    root = write_chain(input_files_txt=inputs)
    folder = root / "raw" / "train" / "links_bw"
    folder.mkdir()
    (folder / "rates.txt").write_text("0;1;20000\n2;1;5000\n")
    first, second = RouteNetDataset(root)
    equal(first["link"].capacity_bps, [20_000, 10_000, 10_000, 5_000])
    equal(second["link"].capacity_bps, [10_000] * 4)


def test_several_archives_and_splits(write_chain):
    write_chain("train", "results_0")
    write_chain("train", "results_1", stability_txt=["1;OK;", "2;no;"])
    root = write_chain("test", "results_0", inside=True)
    everything = RouteNetDataset(root)
    assert [len(RouteNetDataset(root, split)) for split in ("train", "test")] == [3, 2]
    assert len(everything) == 5
    assert [data.simulated_s for data in everything] == [1234.5, 20, 1234.5, 20, 1]
    [batch] = DataLoader(everything, batch_size=5)
    assert batch["path"].num_nodes == 20
    assert len(pickle.loads(pickle.dumps(everything))[4]["path"].src) == 4
    with pytest.raises(InputError, match=r"archives in a folder val, .*got 3 archives"):
        RouteNetDataset(root, "val")


def test_chunks(write_chain, monkeypatch):
    monkeypatch.setattr("m4graph.datasets.importers.routenet.store._CHUNK_BYTES", 1)
    root = write_chain()
    dataset = RouteNetDataset(root)
    files = sorted(os.listdir(root / "processed"))
    wanted = [f"train__results_0-{n}.safetensors" for n in (0, 1)]
    assert files == [*wanted, "train__results_0.json"]
    assert [data.max_mean_bps for data in dataset] == [1000, 500]


def test_stored_once_and_anew_when_something_changes(write_chain):
    root = write_chain()
    RouteNetDataset(root)
    file = root / "processed" / "train__results_0-0.safetensors"

    def stored(**arguments):
        before = file.stat().st_mtime_ns
        dataset = RouteNetDataset(root, **arguments)
        return file.exists() and file.stat().st_mtime_ns != before, len(dataset)

    assert stored() == (False, 2)
    assert stored(pre_filter=only_first) == (True, 1)
    assert stored(pre_filter=only_first) == (False, 1)
    assert stored(pre_transform=without_queues) == (True, 2)
    assert "queue" not in RouteNetDataset(root, pre_transform=without_queues)[1].node_types
    assert RouteNetDataset(root, transform=lambda data: 3)[0] == 3
    write_chain(stability_txt=["1;no;", "2;no;"])
    assert len(RouteNetDataset(root)) == 0


def only_first(data):
    return data.max_mean_bps == 1000


def without_queues(data):
    return data.subgraph({}).node_type_subgraph(["path", "link"])


def test_an_interruption_costs_one_archive(write_chain, monkeypatch):
    write_chain("train", "results_0")
    root = write_chain("train", "results_1")
    store = "m4graph.datasets.importers.routenet.store.save_tensors"
    with monkeypatch.context() as patch:
        calls = []

        def interrupted(path, *arguments):
            calls.append(path)
            if len(calls) == 2:
                raise KeyboardInterrupt
            original(path, *arguments)

        from m4graph.datasets.importers.routenet.store import save_tensors as original

        patch.setattr(store, interrupted)
        with pytest.raises(KeyboardInterrupt):
            RouteNetDataset(root)
    first = (root / "processed" / "train__results_0.json").stat().st_mtime_ns
    assert len(RouteNetDataset(root)) == 4
    assert (root / "processed" / "train__results_0.json").stat().st_mtime_ns == first
