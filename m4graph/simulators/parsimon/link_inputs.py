"""From a decomposition to what simulations of its links are given."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from m4graph.core.errors import ConfigError
from m4graph.core.products import multiply_divide
from m4graph.core.units import NS_PER_S
from m4graph.scenario.congestion import MAX_BYTES
from m4graph.scenario.ideal import serialization_ticks
from m4graph.simulators.parsimon.decomposition import Decomposition
from m4graph.simulators.parsimon.layout import FLOW_AT_LINK, LINK_INPUT, TIME_BITS
from m4graph.simulators.parsimon.link_model import LinkInputs
from m4graph.simulators.parsimon.ways import fill_flows


def link_inputs(
    network: Decomposition, links: NDArray[np.int64], limit_bps: NDArray[np.int64] | None = None
) -> LinkInputs:
    """The inputs of some links.

    Args:
        network (Decomposition): The links' network.
        links (np.ndarray): Links with at least one flow each.
        limit_bps (np.ndarray, optional): int64 ``[num_rows]``: what another link leaves to a flow
            at a link; 0: all that it has. (default: none are limited)
    """
    ptr = network.link_ptr
    num_flows = ptr[links + 1] - ptr[links]
    after = np.cumsum(num_flows)
    flows = np.zeros(int(num_flows.sum()), FLOW_AT_LINK)
    nic_bps = np.zeros(len(flows), np.int64)
    nic_of_link = np.full(network.scenario.arrays.num_links, -1, np.int64)
    found = _common(network, links)
    num_nics = 0
    for i, link in enumerate(links):
        rows = slice(ptr[link], ptr[link + 1])
        of_link = flows[after[i] - num_flows[i] : after[i]]
        found["first_nic"][i] = num_nics
        num_nics += fill_flows(
            network.ways,
            of_link,
            network.row_flow[rows],
            network.row_hop[rows],
            nic_of_link,
            nic_bps[num_nics:],
        )
        found["after_nic"][i] = num_nics
        if limit_bps is not None:
            limits = limit_bps[rows]
            own_bps = of_link["line_rate_bps"]
            of_link["line_rate_bps"] = np.where(limits > 0, np.minimum(limits, own_bps), own_bps)
    found["first_row"], found["after_row"] = after - num_flows, after
    return LinkInputs(found, flows, nic_bps[:num_nics])


def check_span(network: Decomposition) -> None:
    """Checks that the clock of a link reaches from the first start to the last.

    Raises:
        ConfigError: If it does not.
    """
    start_ns = network.scenario.workload.start_ns
    span_ns = int(np.ptp(start_ns)) if len(start_ns) else 0
    if span_ns >= 2 ** (TIME_BITS - 1):
        raise ConfigError(
            f"flows: expected all starts within {2 ** (TIME_BITS - 1)} ns with the parsimon "
            f"simulator (got {span_ns} ns between the first and the last)"
        )


def _common(network: Decomposition, links: NDArray[np.int64]) -> NDArray[np.void]:
    """What links have of themselves, whatever their flows."""
    scenario, ways = network.scenario, network.ways
    arrays, config = scenario.arrays, scenario.config
    found = np.zeros(len(links), LINK_INPUT)
    found["rate_bps"] = ways.left_bps[links]
    built_bps = ways.built_bps[links]
    reference_bps = int(config.ecn.reference_gbps * NS_PER_S)
    found["kmin_bytes"] = found["kmax_bytes"] = MAX_BYTES
    if scenario.congestion_control.ecn_capable:
        for name in ("kmin_bytes", "kmax_bytes"):
            value = getattr(config.ecn, name)
            found[name] = multiply_divide(value, built_bps, reference_bps)
            found[name][np.isin(arrays.link_src[links], arrays.nvswitches)] = MAX_BYTES
    found["is_uplink"] = arrays.link_src[links] < arrays.num_hosts
    found["is_downlink"] = arrays.link_dst[links] < arrays.num_hosts
    found["ack_tx_ticks"] = serialization_ticks(
        np.full(len(links), ways.ack_bytes), arrays.link_rate_bps[links ^ 1]
    )
    found["random"] = [_random(scenario.seed, int(link)) for link in links]
    return found


def _random(seed: int, link: int) -> int:
    digest = hashlib.sha256(f"parsimon marks {seed} {link}".encode()).digest()
    return int.from_bytes(digest[:8], "little")
