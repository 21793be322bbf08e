"""What a packet-hop costs in simpy, the framework below simulators such as ns.py.

    pip install simpy
    python examples/benchmarks/simpy_style.py

A chain of FIFO ports, each a process that takes a packet from a `simpy.Store`, holds it for its
transmission and hands it to the next: no congestion control, no marks, no buffers, no ACKs. The
same chain in m4graph is a parking lot with one flow, ACKs and all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import simpy

import m4graph as m4
from m4graph.workload import Workload

NUM_PORTS, NUM_PACKETS = 4, 20_000
TX_NS, DELAY_NS = 838, 1000


def port(
    environment: simpy.Environment, queue: simpy.Store, following: simpy.Store | None
) -> Iterator[simpy.Event]:
    """Sends packet after packet; the wire's delay is a process of its own for each."""
    while True:
        packet = yield queue.get()
        yield environment.timeout(TX_NS)
        if following is not None:
            environment.process(wire(environment, packet, following))


def wire(
    environment: simpy.Environment, packet: int, following: simpy.Store
) -> Iterator[simpy.Event]:
    yield environment.timeout(DELAY_NS)
    yield following.put(packet)


def simpy_hops_per_s() -> float:
    environment = simpy.Environment()
    queues = [simpy.Store(environment) for _ in range(NUM_PORTS)]
    for queue, following in zip(queues, [*queues[1:], None], strict=True):
        environment.process(port(environment, queue, following))
    for packet in range(NUM_PACKETS):
        queues[0].put(packet)
    started = time.process_time()
    environment.run()
    return NUM_PORTS * NUM_PACKETS / (time.process_time() - started)


def m4graph_hops_per_s() -> float:
    network = m4.topology.parking_lot(NUM_PORTS - 1, 1)
    flow = Workload.from_arrays(
        id=[0], src=[0], dst=[NUM_PORTS - 2], size_bytes=[1000 * NUM_PACKETS], start_ns=[0]
    )
    control = {"kind": "dctcp", "init_window_bytes": 100_000}
    scenario = m4.Scenario(network, flow, control)
    m4.simulate(scenario, "packet")
    started = time.process_time()
    result = m4.simulate(scenario, "packet")
    assert result.packet_hops is not None
    return result.packet_hops / (time.process_time() - started)


def main() -> None:
    slow, fast = simpy_hops_per_s(), m4graph_hops_per_s()
    print(f"simpy   {slow:12,.0f} packet-hops per CPU-second")
    print(f"m4graph {fast:12,.0f} packet-hops per CPU-second, {fast / slow:.0f} times as many")


if __name__ == "__main__":
    main()
