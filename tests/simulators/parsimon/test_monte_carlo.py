from __future__ import annotations

import numpy as np
import pytest

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.link_model import NEVER_NS
from m4graph.simulators.parsimon.monte_carlo import drawn, representatives

GAP_NS = 10**9


def scenario_of(src, dst, size_bytes, start_ns, num_hosts=8, **options):
    network = m4.topology.star(num_hosts=num_hosts)
    columns = np.broadcast_arrays(np.arange(len(start_ns)), src, dst, size_bytes, start_ns)
    return m4.Scenario(network, m4.workload.Workload.from_arrays(*columns), "dctcp", **options)


def pair(sizes, seed=0):
    """Flows from one host to another, each alone, as a network with two links in use."""
    start_ns = np.arange(len(sizes)) * GAP_NS
    return Decomposition.of(scenario_of(0, 1, np.array(sizes), start_ns, seed=seed))


def late(network, delay_ns):
    """The FCTs of rows whose flows come so much later than alone."""
    return (network.scenario.ideal_fct_ns + delay_ns)[network.row_flow]


def own(network):
    """Every link in use stands for itself."""
    links = np.arange(len(network.link_packets))
    return np.where(network.link_packets > 0, links, -1)


def test_a_flow_draws_from_flows_of_its_size():
    """100 flows of 1 or 2 packets and 100 of 50 or 100 are two buckets; delays go by packets."""
    num_packets = np.repeat([1, 2, 50, 100], 50)
    network = pair(1000 * num_packets)
    per_packet_ns = np.repeat([700, 30], 100)
    fct_ns = drawn(network, late(network, num_packets * per_packet_ns), own(network))
    delay_ns = fct_ns - network.scenario.ideal_fct_ns
    assert (delay_ns == 2 * num_packets * per_packet_ns).all()


def test_buckets_end_with_enough_flows_of_sizes_apart():
    """150 flows of one size stay together; 99 of another join them to be enough, and the last 50,
    not twice as large as any before them, have the last bucket alone.
    """
    sizes = np.repeat([1000, 3000, 4000], [150, 1, 50])
    network = pair(sizes)
    delays_ns = np.repeat([0, 3 * 5, 4 * 9], [150, 1, 50])
    delay_ns = drawn(network, late(network, delays_ns), own(network))
    delay_ns -= network.scenario.ideal_fct_ns
    # The one flow of 3000 bytes ends the first bucket, so others seldom draw it.
    assert set(np.unique(delay_ns[:150])) <= {0, 5, 10}
    assert (delay_ns[151:] == 4 * 2 * 9).all()


def test_draws_are_as_many_as_links_and_independent():
    """Half of a bucket is late: a quarter of the flows is late at both links, a half at one."""
    network = pair(np.full(4000, 1000))
    fct_ns = drawn(network, late(network, np.tile([0, 100], 2000)), own(network))
    values, counts = np.unique(fct_ns - network.scenario.ideal_fct_ns, return_counts=True)
    assert values.tolist() == [0, 100, 200]
    # Standard deviations are 27 and 32.
    assert np.abs(counts - [1000, 2000, 1000]).max() < 5 * 32


def test_the_seed_decides():
    networks = [pair(np.full(200, 1000), seed) for seed in (1, 1, 2)]
    delays_ns = np.arange(200)
    one, same, other = (drawn(net, late(net, delays_ns), own(net)) for net in networks)
    assert (one == same).all()
    assert (one != other).any()


def test_links_without_a_representative_add_nothing():
    network = pair(np.full(100, 1000))
    only_uplink = own(network)
    only_uplink[network.scenario.arrays.host_downlink[1]] = -1
    fct_ns = drawn(network, late(network, 55), only_uplink)
    assert (fct_ns == network.scenario.ideal_fct_ns + 55).all()


def test_what_did_not_finish_does_not_in_a_draw():
    """Flows of two packets draw the only record of their bucket, half of ``NEVER_NS`` a packet."""
    network = pair([1000, 50_000])
    fct_ns = late(network, 0)
    fct_ns[:] = NEVER_NS
    assert (drawn(network, fct_ns, own(network)) >= NEVER_NS).all()


def cluster_scenario(sizes_1, gap_1_ns):
    """Hosts 0 and 1 send 400 flows each to hosts of their own."""
    sizes_0 = np.resize([1000, 7000, 20_000], 400)
    start_0 = np.arange(400) * 100_000
    return scenario_of(
        np.repeat([0, 1], 400),
        np.repeat([4, 5], 400),
        np.concatenate([sizes_0, sizes_1]),
        np.concatenate([start_0, np.arange(400) * gap_1_ns]),
    )


@pytest.mark.parametrize(
    ("factor", "gap_ns", "are_alike"),
    [
        (1.0, 100_000, True),
        (1.02, 102_000, True),
        (1.2, 120_000, False),  # of one load, but sizes and gaps are apart
        (1.0, 108_000, False),  # gaps are close, loads are not
    ],
)
def test_links_that_are_alike(factor, gap_ns, are_alike):
    """Uplink and downlink of a pair are alike; those of two pairs, if all is within the bounds."""
    sizes_1 = (np.resize([1000, 7000, 20_000], 400) * factor).astype(int)
    network = Decomposition.of(cluster_scenario(sizes_1, gap_ns))
    links = np.flatnonzero(network.link_packets)
    chosen = representatives(network, links)
    assert len(links) == 4
    assert len(np.unique(chosen[links])) == (1 if are_alike else 2)
    assert (chosen[chosen[links]] == chosen[links]).all()
    assert (np.delete(chosen, links) == -1).all()


def test_a_representative_is_simulated_for_all():
    scenario = cluster_scenario(np.resize([1000, 7000, 20_000], 400), 100_000)
    result = m4.simulate(scenario, "parsimon", combine="monte_carlo")
    num_packets = Decomposition.of(scenario).num_packets.sum()
    assert result.extra["packet_links"] == num_packets // 2
    assert (result.fct_ns >= scenario.ideal_fct_ns).all()


def test_the_window_counts_at_every_link():
    """As published: the ideal time at a link knows no window, and every link has it."""
    scenario = scenario_of(0, 1, 1_000_000, np.zeros(1, int), config={"pfc": False}).replace(
        congestion_control={"kind": "dctcp", "init_window_bytes": 3000}
    )
    truth = m4.simulate(scenario, "packet").fct_ns
    result = m4.simulate(scenario, "parsimon", combine="monte_carlo")
    over_ns = truth - scenario.ideal_fct_ns
    assert over_ns > 0
    assert result.fct_ns == scenario.ideal_fct_ns + 2 * over_ns


def test_bits_do_not_depend_on_jobs():
    rng = np.random.default_rng(7)
    src = rng.integers(0, 4, 500)
    starts = np.sort(rng.integers(0, 10**7, 500))
    scenario = scenario_of(src, 4 + src % 2, rng.integers(1, 60_000, 500), starts)
    results = [
        m4.simulate(scenario, "parsimon", combine="monte_carlo", jobs=jobs) for jobs in (1, 2)
    ]
    assert (results[0].fct_ns == results[1].fct_ns).all()


def test_refuses_a_second_pass():
    with pytest.raises(ConfigError, match=r"passes: expected 1 with combine: monte_carlo.*got 2"):
        m4.simulators.build_simulator("parsimon", combine="monte_carlo", passes=2)


@pytest.mark.parametrize("option", ["combine", "link_model"])
def test_refuses_unknown_ways(option):
    with pytest.raises(ConfigError, match=rf"{option}: expected .* \(got 'mean'\)"):
        m4.simulators.build_simulator("parsimon", **{option: "mean"})
