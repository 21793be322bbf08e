"""Networks of servers with GPUs: NVLink inside, and rails or racks outside."""

from __future__ import annotations

import networkx as nx

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.schema import KeyProblem, spell
from m4graph.topology.build import NetworkBuilder, check_rate

_GPUS_PER_TOR = 64


@plain_call
def rail(
    servers: int,
    gpus_per_server: int = 8,
    nvlink_gbps: float = 2880,
    nic_gbps: float | None = None,
    tors: int = 1,
    planes: int = 1,
    rail: bool = True,
    gpus_per_tor: int | None = None,
    spines: int | None = None,
    fabric_gbps: float = 400,
    delay_ns: int = 500,
    nvlink_delay_ns: int = 25,
) -> nx.Graph:
    """Makes an AI cluster as SimAI's generator does: each GPU is a host, with a cable to the
    NVSwitch of its server and one to each of its top-of-rack switches, each of which has a cable to
    every spine switch.

    ==========================  ======================================================
    Spectrum-X                  ``tors=1, rail=True``
    AlibabaHPN, one plane       ``tors=2, rail=True``
    AlibabaHPN, two planes      ``tors=2, planes=2, rail=True``
    DCN+, one ToR               ``tors=1, rail=False``
    DCN+, two ToRs              ``tors=2, rail=False``
    ==========================  ======================================================

    The ids are SimAI's: GPUs server by server, NVSwitches, all first ToRs, all second ones, and
    spines. A GPU's ``rail`` is its place in the server. Servers of one GPU have no NVSwitch.

    Args:
        servers (int): Number of servers.
        gpus_per_server (int, optional): GPUs of a server. (default: ``8``)
        nvlink_gbps (float, optional): Rate between GPU and NVSwitch. (default: ``2880``)
        nic_gbps (float, optional): Rate between GPU and ToR. (default: ``400`` with one ToR,
            ``200`` with two)
        tors (int, optional): ToRs of a GPU, 1 or 2. (default: ``1``)
        planes (int, optional): With two ToRs: ``2``: first ToRs have cables to the first half of
            the spines only, second ToRs to the others. (default: ``1``)
        rail (bool, optional): A ToR serves the GPUs of one place in their servers; else whole
            servers. (default: ``True``)
        gpus_per_tor (int, optional): GPUs of a ToR. (default: ``64`` with one ToR, ``128`` with
            two)
        spines (int, optional): Number of spines. (default: with rails ``64`` and ``120``, for one
            ToR and two; else ``8``)
        fabric_gbps (float, optional): Rate between ToR and spine. (default: ``400``)
        delay_ns (int, optional): Delay of all cables but NVLink's. (default: ``500``)
        nvlink_delay_ns (int, optional): Delay of NVLink. (default: ``25``)

    Raises:
        KeyProblem: If a parameter is out of its range.
    """
    check_count("servers", servers)
    check_count("gpus_per_server", gpus_per_server)
    check_count("tors", tors, 1, 2)
    check_count("nvlink_delay_ns", nvlink_delay_ns, minimum=0)
    if check_count("planes", planes, 1, 2) > tors:
        raise KeyProblem("planes", f"expected 1 where a GPU has one ToR (got {planes})")
    if not isinstance(rail, bool):
        raise KeyProblem("rail", f"expected true or false (got {spell(rail)})")
    per_tor = tors * _GPUS_PER_TOR if gpus_per_tor is None else gpus_per_tor
    check_count("gpus_per_tor", per_tor)
    usual_spines = (64, 120)[tors - 1] if rail else 8
    num_spines = check_count("spines", usual_spines if spines is None else spines)
    if num_spines % planes:
        raise KeyProblem("spines", f"expected an even number for two planes (got {num_spines})")
    nvlink_bps = check_rate("nvlink_gbps", nvlink_gbps)
    nic_bps = check_rate("nic_gbps", 400 / tors if nic_gbps is None else nic_gbps)
    fabric_bps = check_rate("fabric_gbps", fabric_gbps)

    builder = NetworkBuilder("rail", delay_ns)
    places = [divmod(gpu, gpus_per_server) for gpu in range(servers * gpus_per_server)]
    gpus = builder.add("host", ({"server": server, "rail": place} for server, place in places))
    if gpus_per_server > 1:
        nvswitches = builder.add("nvswitch", ({"server": server} for server in range(servers)))
        cables = ((gpu, nvswitches[gpu // gpus_per_server]) for gpu in gpus)
        builder.connect(cables, nvlink_bps, nvlink_delay_ns)
    tor_of_gpu = [
        gpus_per_server * (server // per_tor) + place if rail else gpu // per_tor
        for gpu, (server, place) in enumerate(places)
    ]
    count = max(tor_of_gpu) + 1
    sides = [builder.add_switches("tor", count) for _ in range(tors)]
    spine_ids = builder.add_switches("core", num_spines)
    for side in sides:
        builder.connect(((gpu, side[tor_of_gpu[gpu]]) for gpu in gpus), nic_bps)
    for number, side in enumerate(sides):
        own = spine_ids if planes == 1 else spine_ids[number * num_spines // 2 :][: num_spines // 2]
        builder.connect(((tor, spine) for tor in side for spine in own), fabric_bps)
    return builder.finish()
