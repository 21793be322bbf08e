"""A hook at links: what each answer of a step does to a packet, by hand; and an exact replay."""

from __future__ import annotations

import re

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.simulators.packet.build import build_state
from m4graph.simulators.packet.driver import PacketRun
from m4graph.simulators.packet.engine import engine
from m4graph.simulators.packet.link_hook import (
    DROP,
    LATER,
    PASS,
    PASS_MARKED,
    LinkHook,
    comes_out,
    context_array,
    link_step,
    turn_of,
)
from m4graph.workload import Workload

STAR = m4.topology.star(num_hosts=4, gbps=10, delay_ns=1000)
SWITCH = 4
UPLINKS = [(host, SWITCH) for host in range(4)]


@link_step
def passes(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    return PASS


@link_step
def marks(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    return PASS_MARKED


@link_step
def drops(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    return DROP


@link_step
def is_late(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """Data comes out later, by as many ns as the link's group."""
    return comes_out(group, direction == 1) if kind == 0 else PASS


@link_step
def notes(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    rows = context_array(context, 1, np.int64).reshape((-1, 9))
    num_rows = context_array(context, 0, np.int32)
    rows[num_rows[0]] = (now, group, direction, next_link, exit_link, kind, flow, size, link)
    num_rows[0] += 1
    return PASS


def flows(*rows: tuple[int, int, int, int]) -> Workload:
    """A workload of rows (src, dst, bytes, start_ns)."""
    src, dst, size_bytes, start_ns = (np.array(column) for column in zip(*rows, strict=True))
    return Workload.from_arrays(np.arange(len(rows)), src, dst, size_bytes, start_ns)


def run(workload, hook=None, network=STAR, kind="dctcp", recording=None, **changes):
    scenario = m4.Scenario(network, workload, kind, **changes)
    watchers = () if hook is None else (hook,)
    return m4.simulate(scenario, "packet", watchers=watchers, recording=recording)


INCAST = flows(*((i % 3, 3, 200_000, 900 * i) for i in range(12)))


@pytest.mark.parametrize("links", [[], UPLINKS])
def test_a_hook_that_passes_changes_nothing(links):
    plain, hooked = run(INCAST), run(INCAST, LinkHook(passes, links))
    np.testing.assert_array_equal(plain.fct_ns, hooked.fct_ns)
    assert plain.packet_hops == hooked.packet_hops
    assert plain.extra == hooked.extra


def loop_llvm(hook: LinkHook | None) -> str:
    """The loop that runs with or without a hook, in LLVM's language, optimised: from its cache."""
    scenario = m4.Scenario(STAR, INCAST, "dctcp")
    run = PacketRun(scenario, build_state(scenario), () if hook is None else (hook,))
    loop = engine()
    signature = (numba.typeof(run.state), numba.int64)
    cached = loop._cache._cache_file.load(
        loop._cache._index_key(signature, loop.targetctx.codegen())
    )
    (_, _, (_, bitcode)), description, *_ = cached
    module = llvm.parse_bitcode(bitcode)
    assert not module.get_function(description.llvm_func_name).is_declaration
    return str(module)


def test_without_a_hook_the_loop_calls_none():
    """Steps and gates are called by their address: ten integers go in, one comes back."""
    call = re.compile(r"call i64 %[\w.-]+\((i64 [\w.%-]+, ){9}i64 [\w.%-]+\)")
    assert len(call.findall(loop_llvm(LinkHook(passes, UPLINKS)))) == 2
    assert not call.findall(loop_llvm(None))


def test_a_hook_that_drops():
    """All packets of one host; those of the others know nothing of it."""
    two = flows((0, 3, 20_000, 0), (1, 2, 20_000, 0))
    result = run(two, LinkHook(drops, UPLINKS[:1]))
    assert result.finished.tolist() == [False, True]
    assert result.extra["packets_dropped"] == 18  # the first window
    assert result.fct_ns[1] == run(two).fct_ns[1]


def test_marks_reach_the_sender():
    """A lone flow is never marked; if all its data is, DCTCP brings its rate down."""
    lone = flows((0, 3, 1_000_000, 0))
    plain, marked = run(lone), run(lone, LinkHook(marks, UPLINKS))
    assert marked.fct_ns[0] > 1.2 * plain.fct_ns[0]
    # What comes out at once is as good as what passes.
    at_once = run(lone, LinkHook(is_late, UPLINKS, directions=[1, 1, 1, 1]))
    assert at_once.fct_ns[0] == marked.fct_ns[0]
    at_once = run(lone, LinkHook(is_late, UPLINKS, directions=[0, 1, 1, 1]))
    assert at_once.fct_ns[0] == plain.fct_ns[0]


@pytest.mark.parametrize("delay_ns", [1, 7777])
def test_a_packet_is_late_by_so_much(delay_ns):
    one = flows((0, 3, 1000, 0))
    late = run(one, LinkHook(is_late, UPLINKS, groups=[delay_ns, 0, 0, 0]))
    assert late.fct_ns[0] == 2 * 1838 + delay_ns


FOUR = {"config": {"queue": {"kind": "drop_tail", "capacity_packets": 4}}}
TAPPED = {"taps": [[SWITCH, 3]]}


def test_what_comes_out_is_queued_without_limit():
    """Ten packets of each of three hosts go through a queue of four, as if it were of thirty."""
    three = flows(*((host, 3, 10_000, 0) for host in range(3)))
    result = run(three, LinkHook(is_late, UPLINKS), recording=TAPPED, **FOUR)
    assert result.extra["packets_dropped"] == 0
    assert result.fct_ns.max() == 1838 + 30 * 838 + 1000


def test_what_has_come_out_counts_while_it_waits():
    """Host 0's ten packets and host 1's meet: of those of host 1, who needs room, some are lost;
    later, when nothing waits, none."""
    rows = [(0, 3, 10_000, 0), (1, 3, 10_000, 0), (2, 3, 10_000, 0), (1, 3, 4000, 100_000)]
    result = run(
        flows(*rows), LinkHook(is_late, [UPLINKS[0], UPLINKS[2]]), recording=TAPPED, **FOUR
    )
    assert result.finished.tolist() == [True, False, True, True]


def test_a_shared_buffer_is_empty_at_the_end():
    """A second incast, which pauses the hosts, meets nothing of the first."""
    rows = [(host, 3, 50_000, start) for start in (0, 1_000_000) for host in range(3)]
    small = {"config": {"buffer_bytes": 120_000}}
    result = run(flows(*rows), LinkHook(is_late, UPLINKS[:1]), **small)
    assert result.extra["pfc_pauses_sent"] > 0
    assert result.fct_ns[:3].tolist() == result.fct_ns[3:].tolist()


def test_drops_are_recorded_at_the_next_link():
    result = run(flows((0, 3, 1000, 0)), LinkHook(drops, UPLINKS), recording=TAPPED, **FOUR)
    rows = result.extra["recording"].packets
    assert rows["event"].tolist() == ["drop"]
    assert rows[["a", "b"]].to_numpy().tolist() == [[SWITCH, 3]]


def test_what_a_step_is_told():
    two = flows((1, 3, 1000, 50), (0, 3, 500, 9000))
    table = np.zeros((9, 9), np.int64)
    num_rows = np.zeros(1, np.int32)
    links = [(0, SWITCH), (3, SWITCH)]
    hook = LinkHook(notes, links, groups=[7, 8], directions=[0, 5], arrays=[num_rows, table])
    result = run(two, hook)
    arrays = result.scenario.arrays
    to_0, to_1, to_3 = (arrays.link_id(SWITCH, host) for host in (0, 1, 3))
    from_0, from_3 = (arrays.link_id(host, SWITCH) for host in (0, 3))
    ack_ns = 50 + 2 * 1838 + 1048
    assert table[: num_rows[0]].tolist() == [
        [ack_ns, 8, 5, to_1, to_1, 1, 0, 60, from_3],
        [9000 + 438 + 1000, 7, 0, to_3, to_3, 0, 1, 548, from_0],
    ]
    assert to_0 != to_1


LINE = m4.topology.leaf_spine(
    num_leaves=2, hosts_per_leaf=2, num_spines=1, host_gbps=10, fabric_gbps=10, delay_ns=500
)
NEAR, FAR, SPINE = 4, 5, 6
HIDDEN_ENTRIES = [(NEAR, SPINE), (2, FAR), (3, FAR)]
HIDDEN_EXITS = [[SPINE, NEAR], [FAR, 2], [FAR, 3]]


@link_step
def replays(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """Each flow's packets of a kind come out when they did in another run, marked as they were."""
    answers = context_array(context, 0, np.int64)
    following = context_array(context, 1, np.int64)
    stream = 2 * flow + (kind > 0)
    time_ns, marked = answers[2 * following[stream]], answers[2 * following[stream] + 1]
    following[stream] += 1
    return comes_out(time_ns - now, marked == 1)


@pytest.mark.parametrize("ack_priority", [True, False])
def test_two_switches_replayed_by_a_hook(ack_priority):
    """Spine and far leaf are hidden: with the times at which packets left them, and their marks,
    all that is seen of the rest is the same. No marks are drawn: hidden ports would draw some."""
    rng = np.random.default_rng(3)
    there = [(i % 2, 2 + i // 2 % 2, int(rng.integers(1, 90_000)), 4000 * i) for i in range(40)]
    back = [(2 + i % 2, i // 2 % 2, int(rng.integers(1, 90_000)), 4500 * i) for i in range(40)]
    workload = flows(*sorted(there + back, key=lambda row: row[-1]))
    options = {
        "network": LINE,
        "kind": {"kind": "dctcp", "ack_priority": ack_priority},
        "config": {"pfc": False, "ecn": {"kmin_bytes": 20_000, "kmax_bytes": 20_000}},
    }
    full = run(workload, recording={"taps": HIDDEN_EXITS}, **options)
    rows = full.extra["recording"].packets
    rows = rows[rows["event"] == "leave"]
    assert rows["marked"].any()
    stream = 2 * rows["flow"].to_numpy() + (rows["kind"] != "data").to_numpy()
    order = np.argsort(stream, kind="stable")
    answers = rows[["time_ns", "marked"]].to_numpy(np.int64)[order]
    first = np.searchsorted(stream[order], np.arange(2 * workload.num_flows))
    hook = LinkHook(replays, HIDDEN_ENTRIES, HIDDEN_EXITS, arrays=[answers, first])
    replayed = run(workload, hook, **options)
    np.testing.assert_array_equal(replayed.fct_ns, full.fct_ns)
    assert replayed.num_finished == 80
    # The link between the two, either way, is crossed by nobody.
    hidden = full.packet_hops - replayed.packet_hops
    assert hidden == len(rows)


def test_routes_without_an_exit_end_at_their_last_link():
    one = flows((0, 2, 1000, 0))
    hook = LinkHook(is_late, [(NEAR, SPINE)], exits=[])
    result = run(one, hook, network=LINE)
    assert result.fct_ns[0] == 3 * (838 + 500)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"links": [(0, 9)]}, r"LinkHook.links.0: expected two nodes of 0 to 4 \(got 0 and 9\)"),
        ({"links": [(SWITCH, 0)]}, r"expected links to switches \(got 4-0\)"),
        ({"exits": [(0, 1)]}, r"LinkHook.exits.0: expected a cable of node 0, to 4 \(got 1\)"),
        ({"groups": [1]}, r"expected groups of 4 links \(got 1\)"),
        ({"directions": [1] * 5}, r"expected directions of 4 links \(got 5\)"),
        ({"arrays": [np.zeros((4, 4))[:, 1]]}, r"expected arrays\[0\] to be contiguous"),
    ],
)
def test_bad_hooks(changes, message):
    with pytest.raises(ConfigError, match=message):
        run(INCAST, LinkHook(**{"step": passes, "links": UPLINKS} | changes))


def test_one_hook_only():
    scenario = m4.Scenario(STAR, INCAST, "dctcp")
    with pytest.raises(ConfigError, match="watchers: expected one LinkHook"):
        m4.simulate(scenario, "packet", watchers=[LinkHook(passes, UPLINKS)] * 2)


def test_hpcc_asks_each_switch():
    with pytest.raises(ConfigError, match="expected no exits with hpcc"):
        run(INCAST, LinkHook(passes, UPLINKS, exits=[(SWITCH, 3)]), kind="hpcc")


def test_bad_steps():
    with pytest.raises(ConfigError, match=r"link step short: expected 10 arguments \(got 2\)"):

        @link_step
        def short(now, group):
            return PASS

    def halves(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
        return now / 2

    def nonsense(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
        return now.nothing

    with pytest.raises(ConfigError, match=r"step halves: expected .* an integer \(got float64\)"):
        run(INCAST, LinkHook(link_step(halves), UPLINKS))
    with pytest.raises(ConfigError, match=r"step nonsense: expected .* numba compiles"):
        run(INCAST, LinkHook(link_step(nonsense), UPLINKS))


@link_step
def opens(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """A gate that is closed up to a time, the link's group."""
    return max(group - now, 0)


@link_step
def prefers(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
    """A gate at which a flow, the link's group, always has its turn."""
    return turn_of(group)


@pytest.mark.parametrize("kind", ["dctcp", "hpcc", "newreno"])
def test_a_gate_holds_a_host_back(kind):
    two = flows((0, 3, 1000, 50), (1, 2, 1000, 60))
    hook = LinkHook(passes, UPLINKS, groups=[70_000, 0, 0, 0], gate=opens)
    plain, held = run(two, kind=kind), run(two, hook, kind=kind)
    assert held.fct_ns[0] == plain.fct_ns[0] + 70_000 - 50
    assert held.fct_ns[1] == plain.fct_ns[1]


def test_a_gate_holds_acks_back():
    one = flows((0, 3, 30_000, 0))
    hook = LinkHook(passes, UPLINKS, groups=[0, 0, 0, 90_000], gate=opens)
    plain, held = run(one), run(one, hook)
    # The first window leaves at once; the rest needs ACKs.
    assert held.fct_ns[0] > 90_000 > plain.fct_ns[0]


def test_a_gate_gives_a_turn():
    """Without it, flows of a host share its link."""
    two = flows((0, 3, 15_000, 0), (0, 3, 15_000, 0))
    for favourite in (0, 1):
        hook = LinkHook(passes, UPLINKS, groups=[favourite, 0, 0, 0], gate=prefers)
        fct_ns = run(two, hook).fct_ns
        alone_ns = run(flows((0, 3, 15_000, 0))).fct_ns[0]
        # The first flow has sent a packet before the second one starts.
        assert fct_ns[favourite] == alone_ns + favourite * 838
        assert fct_ns[1 - favourite] > 1.7 * alone_ns


def test_a_gate_may_see_first_what_else_happens():
    """Asked later in the same tick, it finds the flow that starts second, and loses no time."""

    @link_step
    def looks_twice(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
        asked = context_array(context, 0, np.int64)
        asked[0] += 1
        return LATER if asked[0] == 1 else turn_of(1)

    two = flows((0, 3, 15_000, 0), (0, 3, 15_000, 0))
    hook = LinkHook(passes, UPLINKS[:1], arrays=[np.zeros(1, np.int64)], gate=looks_twice)
    assert run(two, hook).fct_ns[1] == run(flows((0, 3, 15_000, 0))).fct_ns[0]


def test_a_gate_at_which_all_may_pass_changes_nothing():
    @link_step
    def lets_pass(now, group, direction, next_link, exit_link, kind, flow, size, link, context):
        return 0

    plain, hooked = run(INCAST), run(INCAST, LinkHook(passes, UPLINKS, gate=lets_pass))
    np.testing.assert_array_equal(plain.fct_ns, hooked.fct_ns)
