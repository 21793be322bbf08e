"""The interface of every simulator, and the one way to run them."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, did_you_mean, one_of
from m4graph.core.progress import Progress
from m4graph.core.registry import Registry
from m4graph.results import SimulationResult
from m4graph.scenario import Scenario
from m4graph.scenario.cautions import Caution, warn_of
from m4graph.scenario.sample import sample_scenario


class Simulator(ABC):
    """Takes a scenario, gives completion times. Options are arguments of the constructor.

    What it cannot do it refuses with an :class:`~m4graph.core.errors.InputError`: a comparison or a
    suite then goes on without it, and says so.
    """

    name: ClassVar[str]
    """As it is registered."""

    colour: ClassVar[str | None] = None
    """In plots, as ``"#0072B2"``; ``None``: one that no other has there."""

    is_deterministic: ClassVar[bool] = False
    """Whether scenario and options decide every bit of a result, on any machine. Such results are
    kept, and used again by later evaluations."""

    counted: ClassVar[str] = "flows"
    """What progress counts."""

    neutral_options: ClassVar[frozenset[str]] = frozenset()
    """Options that change no bit of a result, as how many processors there are for it."""

    sources: ClassVar[tuple[str, ...]] = ()
    """Modules or packages on whose code results depend, if neither the simulator's own package nor
    anything that it imports names them. Results are made anew when any of this code changes."""

    @classmethod
    def resolve_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options, also those that are not given: what another run needs to be the same.

        Args:
            options (Mapping): Those that are given.
        """
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(cls).parameters.items()
            if parameter.default is not parameter.empty
        }
        return defaults | dict(options)

    @classmethod
    def input_files(cls, options: Mapping[str, Any]) -> Iterable[Path]:
        """Files on whose content results depend, as weights; none by default.

        Args:
            options (Mapping): All options, from :meth:`resolve_options`.

        Raises:
            InputError: If a file is not there.
        """
        return ()

    @abstractmethod
    def run(self, scenario: Scenario, progress: Progress | None = None) -> SimulationResult:
        """Simulates a scenario until no event is left.

        Args:
            scenario (Scenario): What to simulate.
            progress (Progress, optional): Called now and then. (default: ``None``)

        Raises:
            InputError: If the simulator cannot do this scenario.
            SimulationError: If the run fails.
        """

    def run_batch(self, scenarios: Sequence[Scenario]) -> list[SimulationResult]:
        """Simulates scenarios; one after the other, unless a simulator knows better."""
        return [self.run(scenario) for scenario in scenarios]

    @classmethod
    def warm_ups(cls, every: bool) -> Mapping[str, Callable[[], object]]:
        """Calls that compile this simulator's code, or load it from the cache: by name.

        One run of a small scenario, unless a simulator has code that this leaves out.

        Args:
            every (bool): Also for what few runs have.
        """
        return {cls.name: lambda: cls().run(sample_scenario())}

    def open_session(self, scenario: Scenario) -> Any:
        """Opens a session of a scenario's network, idle, whatever the scenario's workload.

        Args:
            scenario (Scenario): Network, algorithm and configuration.

        Returns:
            Session: See :class:`m4graph.simulators.session.Session`.

        Raises:
            ConfigError: If the simulator has no sessions, or cannot do this scenario.
        """
        raise _without_sessions(self.name)


SIMULATORS: Registry[type[Simulator]] = Registry(
    "simulator",
    {
        "packet": "m4graph.simulators.packet:PacketSimulator",
        "fluid": "m4graph.simulators.fluid:FluidSimulator",
        "learned": "m4graph.learned:LearnedSimulator",
        "mimic": "m4graph.mimic:MimicSimulator",
        "noise": "m4graph.simulators.noise:NoiseSimulator",
        "parsimon": "m4graph.simulators.parsimon:ParsimonSimulator",
    },
)
"""Simulators by name."""

TRUTH = "packet"
"""The simulator that is the truth of comparisons, unless a scenario brings recorded times."""

NOISE = "noise"
"""The truth again, a little moved: what stands beside the errors of others in suites."""

BASELINE = "fluid"
"""The simulator against whose errors those of others are set."""

COMPARED = (TRUTH, BASELINE, "learned")
"""The simulators that are compared where none are named."""


@plain_call
def build_simulator(simulator: str | type[Simulator] | Simulator, **options: object) -> Simulator:
    """Makes a simulator from its name or class; an instance is given back as it is.

    Args:
        simulator (str, type or Simulator): A name of :data:`SIMULATORS`, a class, or an instance.
        **options: Arguments of the constructor.

    Raises:
        ConfigError: If the name or an option is unknown (the message lists the valid ones).
    """
    if isinstance(simulator, Simulator):
        if options:
            raise ConfigError(f"simulator options: expected none with an instance (got {options})")
        return simulator
    factory = SIMULATORS.resolve(simulator)
    if not callable(factory):
        raise ConfigError(f"simulator: expected a name, a class or an instance (got {factory!r})")
    valid = option_names(factory)
    unknown = [name for name in options if name not in valid]
    if unknown:
        raise ConfigError(
            f"simulator {_spell(simulator)}: unknown option {unknown[0]!r} "
            f"(expected {one_of(valid)}){did_you_mean(unknown[0], valid)}"
        )
    return factory(**options)


def refuse_faults(simulator: str, scenario: Scenario) -> None:
    """Refuses a scenario with faults, in a simulator that knows none.

    Raises:
        ConfigError: If the scenario has faults.
    """
    if scenario.faults:
        raise ConfigError(
            f"faults: expected none with the {simulator} simulator; packet has them "
            f"(got {len(scenario.faults)})"
        )


def refuse_spraying(simulator: str, scenario: Scenario) -> None:
    """Refuses packets of a flow on several paths, in a simulator that gives each flow one route.

    Raises:
        ConfigError: If the scenario's routing spreads them.
    """
    if scenario.spraying is not None:
        kind = getattr(scenario.routing, "kind", None)
        raise ConfigError(
            f"routing.kind: expected ecmp, simai or a file of routes with {simulator}, which gives "
            f"each flow one route; packet has others (got {kind!r})"
        )


@plain_call
def simulate(
    scenario: Scenario,
    simulator: str | type[Simulator] | Simulator = "packet",
    *,
    progress: Progress | None = None,
    **options: Any,
) -> SimulationResult:
    """Runs one scenario. What to know of it, and of flows that did not finish, is a
    :class:`~m4graph.scenario.cautions.Caution` among Python's warnings.

    Args:
        scenario (Scenario): What to simulate.
        simulator (str, type or Simulator): Which simulator. (default: ``"packet"``)
        progress (Progress, optional): Called now and then. (default: ``None``)
        **options: The simulator's own, such as ``model`` of ``"learned"``.

    Raises:
        InputError: If the simulator or an option is unknown, or cannot do this scenario.
        SimulationError: If the run fails.
    """
    chosen = build_simulator(simulator, **options)
    _check_scenario(scenario)
    warn_of(scenario)
    result = chosen.run(scenario, progress)
    warn_of_unfinished(result)
    return result


@plain_call
def simulate_batch(
    scenarios: Sequence[Scenario],
    simulator: str | type[Simulator] | Simulator = "packet",
    **options: Any,
) -> list[SimulationResult]:
    """Runs scenarios with one simulator, together where it can; results in their order.

    Raises:
        InputError: As :func:`simulate`.
        SimulationError: As :func:`simulate`.
    """
    chosen = build_simulator(simulator, **options)
    for scenario in scenarios:
        _check_scenario(scenario)
        warn_of(scenario)
    results = chosen.run_batch(scenarios)
    for result in results:
        warn_of_unfinished(result)
    return results


def _check_scenario(scenario: object) -> None:
    if not isinstance(scenario, Scenario):
        raise ConfigError(
            "simulate: expected a Scenario, as of m4.Scenario or m4.load_scenario "
            f"(got {type(scenario).__name__})"
        )


def warn_of_unfinished(result: SimulationResult) -> None:
    """Warns of flows that did not finish, with the reason where it is known."""
    if result.why_unfinished is not None:
        warnings.warn(f"{result.simulator}: {result.why_unfinished}", Caution, stacklevel=4)


def option_names(factory: type[Simulator]) -> list[str]:
    """The names of a simulator's options."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(factory).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind in kinds]


def check_sessions(simulator: str | type[Simulator] | Simulator) -> None:
    """Checks that a simulator has sessions, before it is made.

    Raises:
        ConfigError: If not, or the name is unknown.
    """
    factory = type(simulator) if isinstance(simulator, Simulator) else SIMULATORS.resolve(simulator)
    if factory.open_session is Simulator.open_session:
        raise _without_sessions(factory.name)


def _without_sessions(name: str) -> ConfigError:
    return ConfigError(
        f"simulator {name!r}: expected one that has sessions, as closed loops need them: "
        f"{one_of(_with_sessions())} (got one that has none)"
    )


def _with_sessions() -> list[str]:
    return [
        name
        for name, factory in SIMULATORS.loadable()
        if getattr(factory, "open_session", None) is not Simulator.open_session
    ]


def _spell(simulator: str | type[Simulator]) -> str:
    return repr(simulator if isinstance(simulator, str) else simulator.__name__)
