"""Programs of ranks: groups, training jobs, and SimAI's text."""

from __future__ import annotations

import numpy as np
import pytest

from m4graph.core.errors import WorkloadError
from m4graph.core.schema import KeyProblem
from m4graph.workload import training_job
from m4graph.workload.programs import Parallel, ProgramBuilder, read_simai, simai_programs

TEXT = """\
HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 ep: 2 pp: 1 vpp: 1 ga: 1 \
all_gpus: 8 checkpoints: 0 checkpoint_initiates: 0 pp_comm: 0
2
emb -1 1000 ALLREDUCE 65536 1 NONE 0 1 REDUCESCATTER 1048576 100
mlp -1 5000 ALLGATHER 512 5000 ALLTOALL_EP 131072 5000 ALLGATHER_DP_EP 64 100
"""


def groups(parallel, name):
    found = {communicators[name].ranks for communicators in Parallel(**parallel).communicators()}
    return sorted(found)


def test_groups_of_simai():
    sizes = {"tp": 2, "dp": 4, "ep": 2, "order": "simai"}
    assert groups(sizes, "tp") == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert groups(sizes, "dp") == [(0, 2, 4, 6), (1, 3, 5, 7)]
    assert groups(sizes, "ep") == [(0, 2), (1, 3), (4, 6), (5, 7)]
    assert groups(sizes, "dp_ep") == [(0, 4), (1, 5), (2, 6), (3, 7)]


@pytest.mark.parametrize(
    ("order", "dp", "next_of_first"), [("megatron", (0, 2), 4), ("simai", (0, 4), 2)]
)
def test_orders_of_pipelines(order, dp, next_of_first):
    parallel = Parallel(tp=2, dp=2, pp=2, order=order)
    first = parallel.communicators()[0]
    assert first["dp"].ranks == dp
    assert first["forward_to"].ranks == (0, next_of_first)
    assert first["backward_from"].ranks == (next_of_first, 0)
    assert sorted(np.flatnonzero(parallel.stage_of_rank == 0).tolist()) == sorted(
        {0, 1, *dp, dp[1] + 1}
    )


def test_every_rank_is_in_one_group_of_a_kind():
    parallel = Parallel(tp=2, dp=6, ep=3, pp=2)
    for name, size in {"tp": 2, "dp": 6, "ep": 3, "dp_ep": 2}.items():
        found = groups(parallel.model_dump(), name)
        assert sorted(rank for ranks in found for rank in ranks) == list(range(24))
        assert {len(ranks) for ranks in found} == {size}


def test_a_group_that_does_not_divide():
    with pytest.raises(KeyProblem, match=r"parallel.ep: expected a divisor of dp, 4 \(got 3\)"):
        training_job({"dp": 4, "ep": 3}, [{}])
    layers = [{"repeat": 3, "layers": [{"forward_ns": 1}]}]
    with pytest.raises(KeyProblem, match=r"layers.0.repeat: expected a multiple of pp, 2 \(got 3"):
        training_job({"pp": 2}, layers)


@pytest.fixture
def simai(tmp_path):
    def write(text=TEXT):
        path = tmp_path / "workload.txt"
        path.write_text(text)
        return path

    return write


def test_simai_text(simai):
    job = simai_programs(read_simai(simai()))
    (program,) = job.programs
    assert job.num_ranks == 8
    sent = [program.operations[i] for i in program.operation[program.operation >= 0]]
    assert [(one.kind, one.size_bytes) for one in sent] == [
        ("all_reduce", 65536),
        ("all_gather", 4096),  # a forward pass sends no less
        ("all_to_all", 131072),
        ("all_gather", 64),
        ("reduce_scatter", 1048576),
    ]
    slots = [program.slots[slot] for slot in program.slot[program.slot >= 0]]
    assert slots == ["tp", "tp", "ep", "dp_ep", "dp"]
    assert program.names[0] == "emb forward"
    assert program.duration_ns.sum() == 1000 + 1 + 1 + 3 * 5000


def test_simai_checkpoints_are_computed_again(simai):
    text = TEXT.replace("checkpoints: 0 checkpoint_initiates: 0", "checkpoints: 1 0 "
                        "checkpoint_initiates: 1 1")  # fmt: skip
    (program,) = simai_programs(read_simai(simai(text))).programs
    assert program.names.count("mlp forward") == 4  # computing and sending, twice
    assert program.names.count("emb forward") == 4


def test_simai_counts_of_rows_may_be_too_large(simai):
    assert len(read_simai(simai(TEXT.replace("\n2\n", "\n839\n"))).rows) == 2
    assert len(read_simai(simai(TEXT.replace("\n2\n", "\n1\n"))).rows) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HYBRID_TRANSFORMER_FWD_IN_BCKWD", "FAST", "line 1, policy: expected one of"),
        ("all_gpus: 8", "all_gpus: 7", "all_gpus: expected a multiple of model_parallel_NPU_"),
        ("ep: 2", "ep: 3", "line 1, ep: expected a divisor of the 4"),
        ("pp: 1", "pp: 2", "line 1, pp: expected 1"),
        ("ALLREDUCE", "ALLSUM", r"row 0 \(emb\), forward: expected NONE or one of ALLREDUCE"),
        ("65536", "many", r"row 0 \(emb\), forward: expected bytes, an integer"),
        ("checkpoints: 0", "checkpoints: 1 9", "checkpoints: expected rows below 2"),
        (" 64 100", " 64", r"row 1: expected 12 fields \(got 11\)"),
    ],
)
def test_bad_simai_text(simai, old, new, message):
    path = simai(TEXT.replace(old, new))
    with pytest.raises(WorkloadError, match=message) as error:
        read_simai(path)
    assert "\n" not in str(error.value)


def test_nodes_in_a_circle():
    builder = ProgramBuilder()
    builder.compute("a", 1, after=[1])
    builder.compute("b", 1, after=[0])
    with pytest.raises(WorkloadError, match=r"node 0 \(a\): expected nodes that do not wait"):
        builder.finish()
    builder = ProgramBuilder()
    builder.compute("a", 1, after=[7])
    with pytest.raises(WorkloadError, match=r"node 0 \(a\): expected to wait for a node of its"):
        builder.finish()


def test_layers_communicate_weights_with_the_last_micro_batch():
    layer = {
        "forward_ns": 5,
        "weight_grad_ns": 7,
        "forward": {"kind": "all_gather", "group": "tp", "size_bytes": 10},
        "weight_grad": {"kind": "reduce_scatter", "group": "dp", "size_bytes": 20},
    }
    job = training_job({"tp": 2, "dp": 2}, [layer], {"micro_batches": 3})
    (program,) = job.programs
    kinds = [program.operations[i].kind for i in program.operation[program.operation >= 0]]
    assert kinds == ["all_gather"] * 3 + ["reduce_scatter"]
    assert program.duration_ns.sum() == 3 * 12
