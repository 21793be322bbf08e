"""Operations that share cables: found at the right moment, with the same times as all in one."""

from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError, M4GraphError, WorkloadError
from m4graph.workload.collectives import Collective
from m4graph.workload.programs import Communicator, JobPrograms, ProgramBuilder

from .conftest import once, star


def overlapping(pause_ns: int) -> JobPrograms:
    """Two groups of four; then, while one of them is still at it, a group across both."""
    programs = []
    for side in range(2):
        builder = ProgramBuilder()
        size = 64_000_000 if side == 0 else 8_000_000
        long = builder.collective("own", Collective("all_gather", size), "own", blocking=False)
        if side == 1:
            builder.wait([long])
        builder.compute("work", pause_ns)
        builder.collective("across", Collective("all_reduce", 4_000_000), "across")
        builder.wait([long])
        builder.compute("rest", 1000)
        programs.append(builder.finish())
    ranks = range(8)
    communicators = [
        {
            "own": Communicator("own", tuple(range(rank // 4 * 4, rank // 4 * 4 + 4)), "tp"),
            "across": Communicator("across", (rank % 4, rank % 4 + 4), "dp"),
        }
        for rank in ranks
    ]
    return JobPrograms(tuple(programs), np.arange(8) // 4, communicators)


@pytest.mark.parametrize("pause_ns", [10, 100_000, 900_000])
def test_the_same_as_all_in_one_session(job, pause_ns):
    programs = overlapping(pause_ns)
    with_memo = m4.simulate_job(job(programs))
    in_one = m4.simulate_job(job(programs, memo=False, nvlink="simulate"))
    apart = m4.simulate_job(job(programs, memo=False))
    columns = ["kind", "group", "start_ns", "end_ns"]
    assert with_memo.collectives[columns].equals(in_one.collectives[columns])
    assert apart.collectives[columns].equals(in_one.collectives[columns])


@pytest.mark.parametrize("pauses_ns", [(100_000, 130_000), (130_000, 100_000)])
def test_the_same_where_jobs_do_not_meet(pauses_ns):
    """Each is simulated by itself; which end comes first is known only afterwards."""
    tenants = [
        {"name": f"t{i}", "ranks": list(range(8 * i, 8 * i + 8)), "workload": overlapping(pause_ns)}
        for i, pause_ns in enumerate(pauses_ns)
    ]
    tables = [
        m4.simulate_job(m4.Job(star(16), tenants=tenants, memo=memo, nvlink="simulate")).collectives
        for memo in (True, False)
    ]
    columns = ["group", "step", "start_ns", "end_ns"]
    assert len(tables[0]) == 2 * 6
    assert tables[0][columns].equals(tables[1][columns])


def test_the_same_packet_by_packet(job):
    programs = overlapping(100_000)
    with_memo = m4.simulate_job(job(programs), "packet")
    in_one = m4.simulate_job(job(programs, memo=False, nvlink="simulate"), "packet")
    assert with_memo.collectives["end_ns"].equals(in_one.collectives["end_ns"])
    assert in_one.packet_hops > 0


def test_operations_of_one_communicator_come_one_after_the_other(job):
    builder = ProgramBuilder()
    ends = [
        builder.collective(f"{i}", Collective("all_gather", 8_000_000), "all", blocking=False)
        for i in range(3)
    ]
    builder.wait(ends)
    builder.compute("end", 0)
    alone = once(Collective("all_gather", 8_000_000), 8)
    programs = JobPrograms((builder.finish(),), np.zeros(8, int), alone.communicators)
    table = m4.simulate_job(job(programs)).collectives
    one = m4.simulate_job(job(alone)).iteration_ns
    assert table["start_ns"].tolist() == [0, one, 2 * one]
    assert table["end_ns"].tolist() == [one, 2 * one, 3 * one]


def test_tenants_share_a_network():
    network = m4.topology.dumbbell(4, 4, host_gbps=100, bottleneck_gbps=100, delay_ns=500)
    alone = once(Collective("all_gather", 8_000_000), 4)

    def run(*ranks):
        blocks = [{"ranks": hosts, "workload": alone, "name": f"t{hosts[0]}"} for hosts in ranks]
        return m4.simulate_job(m4.Job(network, congestion_control="dcqcn", tenants=blocks))

    single, both = run([0, 4, 1, 5]), run([0, 4, 1, 5], [2, 6, 3, 7])
    assert both.iteration_ns == pytest.approx(2 * single.iteration_ns, rel=0.02)
    assert set(both.collectives["group"]) == {"t0/all:0", "t2/all:0"}
    assert set(both.summary()["iteration_ns_of_tenants"]) == {"t0", "t2"}


def test_background_traffic_slows_a_job(job):
    programs = once(Collective("all_gather", 8_000_000), 8)
    flows = m4.workload.Workload.from_arrays([0], [0], [1], [4_000_000], [0])
    idle, busy = (m4.simulate_job(job(programs, background=b)) for b in (None, flows))
    # What it takes of one link of the ring holds up all that follows.
    assert 70_000 < busy.iteration_ns - idle.iteration_ns <= 80_000
    late = m4.workload.Workload.from_arrays([0], [0], [1], [4_000_000], [10**7])
    assert m4.simulate_job(job(programs, background=late)).iteration_ns == idle.iteration_ns


def refuse(make, message, error=M4GraphError):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_ranks_that_do_not_match(job):
    programs = once(Collective("all_gather", 8_000_000), 4)
    builder = ProgramBuilder()
    builder.collective("other", Collective("all_reduce", 8_000_000), "all")
    mixed = JobPrograms(
        (*programs.programs, builder.finish()), np.array([0, 0, 1, 0]), programs.communicators
    )
    refuse(
        lambda: job(mixed),
        r"rank 2, node 0 \(other\), step 0 of 'all': expected all_gather 8000000 bytes, to match "
        r"rank 0 \(got all_reduce 8000000 bytes\)",
        WorkloadError,
    )


def messages(sends: int, receives: int) -> JobPrograms:
    sender, receiver = ProgramBuilder(), ProgramBuilder()
    for i in range(sends):
        sender.send(f"send {i}", 1000, "out")
    for i in range(receives):
        receiver.receive(f"receive {i}", 1000, "in")
    pair = Communicator("m", (0, 1), "pp")
    return JobPrograms(
        (sender.finish(), receiver.finish()), np.array([0, 1]), [{"out": pair}, {"in": pair}]
    )


def test_messages(job):
    assert m4.simulate_job(job(messages(3, 3))).num_flows == 3
    refuse(
        lambda: job(messages(1, 2)),
        r"rank 1, node 1 \(receive 1\), step 1 of 'm': expected nothing, to match rank 0",
    )
    refuse(
        lambda: job(messages(2, 1)),
        r"rank 1, step 1 of 'm': expected to receive 1000 bytes, to match rank 0 \(got nothing\)",
    )


def test_ranks_that_wait_for_each_other(job):
    programs = []
    for order in (("a", "b"), ("b", "a")):
        builder = ProgramBuilder()
        for name in order:
            builder.collective(f"do {name}", Collective("all_gather", 1000), name)
        programs.append(builder.finish())
    both = {name: Communicator(name, (0, 1), "dp") for name in ("a", "b")}
    stuck = JobPrograms(tuple(programs), np.array([0, 1]), [both, both])
    refuse(
        lambda: m4.simulate_job(job(stuck)),
        r"rank 0, node 0 \(do a\), step 0 of 'a': expected rank 1 to come to it \(got it waiting "
        r"at node 0 \(do b\): ranks wait for each other in a circle\)",
    )


def test_what_else_is_refused(job):
    programs = once(Collective("all_gather", 1000), 4)
    refuse(lambda: job(programs, star(3)), r"rank 3: expected a host of its own, of 0 to 2")
    refuse(lambda: job(programs, memo=1), "memo: expected true or false")
    refuse(lambda: job(programs, step_after="ack"), "step_after: expected one of receiver, sender")
    refuse(lambda: m4.Job(star(4)), r"expected one of the keys workload, tenants \(got neither\)")
    twice = [{"ranks": [0, 1, 2, 3], "workload": programs}] * 2
    refuse(lambda: m4.Job(star(4), tenants=twice), "tenants.1.ranks: expected hosts of its own")
    refuse(lambda: m4.simulate_job(job(programs), "parsimon"), "expected one that has sessions")
    refuse(
        lambda: m4.simulate_job(job(programs), keep_flows=True),
        "flows: expected memo: false",
        ConfigError,
    )
    servers = once(Collective("all_reduce", 1000, "nvls"), 4)
    refuse(
        lambda: m4.simulate_job(job(servers)),
        r"rank 0, node 0 \(only\), step 0 of 'all': algorithm: expected ranks of one server",
    )
