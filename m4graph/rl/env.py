"""A gymnasium environment on a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_count
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.units import BITS_PER_BYTE, NS_PER_S
from m4graph.rl.candidates import Candidates
from m4graph.routing import PathFinder
from m4graph.scenario import Scenario
from m4graph.scenario.congestion import MAX_BYTES
from m4graph.simulators import Session, Simulator, build_simulator
from m4graph.simulators.base import refuse_spraying
from m4graph.workload import Workload

try:
    import gymnasium
    from gymnasium import spaces
except ImportError:
    raise InputError(
        'm4graph.rl: expected the package gymnasium (pip install "m4graph[rl]")'
    ) from None

Observation = NDArray[np.float32]


@plain_call
class FlowEnv(gymnasium.Env[Observation, Any]):
    r"""An agent acts whenever a flow arrives: it picks the flow's path, and its window.

    An episode is the flows of a workload, in the order of their starts. The return is minus the
    mean slowdown,

    .. math::
        -\frac{1}{N} \sum_i \frac{\mathrm{FCT}_i}{\mathrm{ideal}_i},

    where :math:`\mathrm{ideal}_i` is what flow :math:`i` takes alone on its fastest path. The
    reward of a step is the part of it that falls between two arrivals, or after the last one.

    ``info`` has the ``flow`` (its row in the workload), its ``num_paths``, ``ecmp_path`` (which of
    them ECMP takes; -1: none), and ``completed``: (flow, slowdown) of those that have completed
    since the last step. After the last step it has ``slowdown``, float64 ``[num_flows]``, NaN where
    a flow did not finish.

    Args:
        scenario (Scenario): Network, congestion control, and the flows of an episode.
        simulator (str, type or Simulator): One that has sessions. (default: ``"packet"``)
        num_paths (int): So many shortest paths of a flow the agent picks from, at most. A flow that
            has fewer takes the chosen number modulo its own. (default: ``4``)
        windows_bytes (Sequence[int], optional): Windows that it picks from; of ``packet`` with an
            RDMA algorithm. (default: ``None``, that of the algorithm)
        draw (Callable, optional): Gives the flows of an episode from a seed.
            (default: those of the scenario each time)
        **options: The simulator's own.

    Shapes:
        - action: an integer below ``num_paths``; with windows ``[2]``, path and window
        - observation: float32 ``[1 + 2 * num_paths]``, all in [0, 1]: the logarithm of the flow's
          size; for each path, what part of its NIC's rate a fair share would leave the flow between
          switches; and :math:`\mathrm{ideal} / (\mathrm{ideal} + t)`, where :math:`t` is the time
          that the sizes of the flows under way take on the most loaded of these links. 0 where
          there is no such path.

    Raises:
        InputError: If an argument is bad, or the simulator has no sessions.
    """

    def __init__(
        self,
        scenario: Scenario,
        simulator: str | type[Simulator] | Simulator = "packet",
        num_paths: int = 4,
        windows_bytes: Sequence[int] | None = None,
        draw: Callable[[int], Workload] | None = None,
        **options: Any,
    ) -> None:
        refuse_spraying("an environment", scenario)
        self._num_paths = check_count("num_paths", num_paths, 1)
        self._scenario = scenario
        self._simulator = build_simulator(simulator, **options)
        self._windows_bytes = None if windows_bytes is None else list(windows_bytes)
        self._check_windows()
        self._draw = draw
        self._finder = PathFinder(
            scenario.arrays, getattr(scenario.routing, "prefer_nvswitch", False)
        )
        self._row = -1
        self._num_flows = 0
        self.action_space = spaces.Discrete(self._num_paths)
        if self._windows_bytes is not None:
            self.action_space = spaces.MultiDiscrete([self._num_paths, len(self._windows_bytes)])
        self.observation_space = spaces.Box(0.0, 1.0, (1 + 2 * self._num_paths,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins an episode, at the arrival of its first flow."""
        super().reset(seed=seed)
        scenario = self._scenario
        if self._draw is not None:
            flows = self._draw(int(self.np_random.integers(2**31)))
            scenario = scenario.replace(workload=flows)
        if not isinstance(scenario.workload, Workload) or not scenario.num_flows:
            raise ConfigError(
                f"workload: expected an open loop of one flow or more (got {scenario.workload!r})"
            )
        self._flows = scenario.workload
        self._arrays = scenario.arrays
        self._candidates = Candidates.of(scenario, self._finder, self._num_paths)
        self._session: Session = self._simulator.open_session(scenario)
        self._row, self._num_flows = 0, scenario.num_flows
        self._link_flows = np.zeros(scenario.arrays.num_links, np.int64)
        self._link_bytes = np.zeros(scenario.arrays.num_links, np.int64)
        self._under_way: dict[int, NDArray[np.int32]] = {}  # The paths of flows.
        self._slowdown = np.full(self._num_flows, np.nan)
        self._clock_ns = 0
        self._pass_time()
        return self._observation(), self._info([])

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Starts the flow that has arrived, and lets time pass up to the next arrival.

        Raises:
            ConfigError: If the action is none, or no episode is under way.
            SimulationError: If the run fails.
        """
        if not 0 <= self._row < self._num_flows:
            raise ConfigError("step: expected an episode under way; call reset()")
        if not self.action_space.contains(action):
            raise ConfigError(f"step: expected an action of {self.action_space} (got {action!r})")
        chosen = [int(action)] if self._windows_bytes is None else [int(each) for each in action]
        self._start(*chosen)
        self._row += 1
        reward, completed = self._pass_time()
        ended = self._row == self._num_flows
        info = {"slowdown": self._slowdown.copy()} if ended else {}
        return self._observation(), reward, ended, False, info | self._info(completed)

    def _check_windows(self) -> None:
        """Has a session refuse windows, before an episode begins."""
        if self._windows_bytes is None:
            return
        if not self._windows_bytes:
            raise ConfigError("windows_bytes: expected one or more (got none)")
        trial = self._simulator.open_session(self._scenario)
        for window_bytes in self._windows_bytes:
            trial.add_flow(0, 1, 1, window_bytes=window_bytes)

    def _start(self, path: int, window: int | None = None) -> None:
        row, flows = self._row, self._flows
        paths = self._candidates.paths[row]
        links = paths[path % len(paths)]
        route = [*self._arrays.link_src[links].tolist(), int(flows.dst[row])]
        windows = self._windows_bytes
        own = None if windows is None or window is None else windows[window]
        size_bytes = int(flows.size_bytes[row])
        self._session.add_flow(
            int(flows.src[row]), int(flows.dst[row]), size_bytes, route=route, window_bytes=own
        )
        self._under_way[row] = links
        self._link_flows[links] += 1
        self._link_bytes[links] += size_bytes

    def _pass_time(self) -> tuple[float, list[tuple[int, float]]]:
        """Lets time pass up to the arrival of the flow at hand, or to the end.

        Returns:
            tuple: Minus the part of the mean slowdown that it took, and what has completed.
        """
        is_over = self._row == self._num_flows
        until_ns = None if is_over else int(self._flows.start_ns[self._row])
        ideal_ns, spent, completed = self._candidates.ideal_fct_ns, 0.0, []
        for done in self._session.run(until_ns):
            flow = done.flow_id
            spent += self._spent(done.finish_ns)
            links = self._under_way.pop(flow)
            self._link_flows[links] -= 1
            self._link_bytes[links] -= done.size_bytes
            self._slowdown[flow] = done.fct_ns / ideal_ns[flow]
            completed.append((flow, float(self._slowdown[flow])))
        spent += self._spent(self._session.now_ns)
        return -spent / self._num_flows, completed

    def _spent(self, now_ns: int) -> float:
        """What flows under way have added to their slowdowns since the last call."""
        passed_ns, self._clock_ns = now_ns - self._clock_ns, now_ns
        ideal_ns = self._candidates.ideal_fct_ns[list(self._under_way)]
        return float((passed_ns / ideal_ns).sum())

    def _observation(self) -> Observation:
        seen = np.zeros((1 + 2 * self._num_paths), np.float32)
        if self._row == self._num_flows:
            return seen
        arrays, row = self._arrays, self._row
        paths = self._candidates.paths[row]
        between = paths[:, 1:-1]
        rate_bps = arrays.link_rate_bps[between]
        ideal_ns = self._candidates.ideal_fct_ns[row]
        wait_ns = self._link_bytes[between] * (BITS_PER_BYTE * NS_PER_S) / rate_bps
        share = rate_bps / (1 + self._link_flows[between]) / arrays.link_rate_bps[paths[0, 0]]
        seen[0] = np.log(self._flows.size_bytes[row]) / np.log(MAX_BYTES)
        seen[1 : 1 + len(paths)] = share.min(axis=1, initial=1.0)
        seen[1 + self._num_paths :][: len(paths)] = ideal_ns / (
            ideal_ns + wait_ns.max(axis=1, initial=0.0)
        )
        return seen

    def _info(self, completed: list[tuple[int, float]]) -> dict[str, Any]:
        if self._row == self._num_flows:
            return {"completed": completed}
        return {
            "flow": self._row,
            "num_paths": len(self._candidates.paths[self._row]),
            "ecmp_path": int(self._candidates.ecmp[self._row]),
            "completed": completed,
        }
