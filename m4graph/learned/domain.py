"""What a model has been trained on and can see, and a word of warning where a scenario differs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from m4graph.checkpoint.config import parse_config
from m4graph.runs.settings import seen_settings
from m4graph.scenario import NetworkConfig, Scenario
from m4graph.scenario.congestion import CONGESTION_CONTROLS, CongestionControl
from m4graph.zoo import find_checkpoint

Seen = Callable[[CongestionControl, NetworkConfig], dict[str, float]]


def trained_controls(model: str | os.PathLike[str]) -> frozenset[str]:
    """Kinds of congestion control that a checkpoint has seen; empty if it does not say.

    They stand in its ``training_domain`` as ``congestion_control``, one kind or a list.

    Raises:
        CheckpointError: If there is no such checkpoint.
    """
    domain = parse_config(find_checkpoint(model)).training_domain
    kinds = domain.get("congestion_control", [])
    return frozenset(str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds]))


def trained_parameters(model: str | os.PathLike[str]) -> frozenset[str]:
    """Parameters of algorithms that a checkpoint's training data name; empty: not known.

    Raises:
        CheckpointError: If there is no such checkpoint.
    """
    named = set(_control_keys(parse_config(find_checkpoint(model)).training_domain))
    controls = (CONGESTION_CONTROLS.resolve(kind) for kind in CONGESTION_CONTROLS.names())
    return frozenset(named & {name for each in controls for name in each.model_fields} - {"kind"})


def _control_keys(tree: object, inside: bool = False) -> Iterator[str]:
    """All keys below a ``congestion_control``, wherever one stands."""
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            if inside:
                yield name
            yield from _control_keys(value, inside or name == "congestion_control")
    elif isinstance(tree, list):
        for value in tree:
            yield from _control_keys(value, inside)


@dataclass(frozen=True)
class Domain:
    """Where a model's predictions are more than a guess.

    Args:
        model_name (str): For messages.
        controls (frozenset): Kinds of congestion control that it was trained on; empty: not known.
        seen (Callable): What it can see of an algorithm's parameters.
        parameters (frozenset): Those that its training data name; empty: not known.
    """

    model_name: str
    controls: frozenset[str]
    seen: Seen = seen_settings
    parameters: frozenset[str] = frozenset()

    def warn(self, scenarios: Iterable[Scenario]) -> None:
        """Warns, once for each kind or parameter, of what the model has not seen or cannot see."""
        found = dict.fromkeys(line for scenario in scenarios for line in self._strange(scenario))
        for line in found:
            warnings.warn(f"model {self.model_name}: {line}", stacklevel=4)

    def _strange(self, scenario: Scenario) -> Iterator[str]:
        kind = scenario.congestion_control.kind
        if self.controls and kind not in self.controls:
            known = ", ".join(sorted(self.controls))
            yield f"trained on congestion control {known}; its predictions for {kind} are a guess"
        for name, value, default in unseen_parameters(scenario, self.seen):
            trained = ", on which it was trained" if self.controls else ""
            yield (
                f"congestion_control.{name} of {kind} is no input of it; its predictions for "
                f"{value} are those for the default, {default}{trained}"
            )
        if kind not in self.controls or not self.parameters:
            return
        for name, value, default, at_default in changed_parameters(scenario):
            is_seen = self.seen(*_settings(scenario)) != self.seen(at_default, scenario.config)
            if is_seen and name not in self.parameters:
                yield (
                    f"its training data do not name congestion_control.{name}; its predictions "
                    f"for {value} of {kind}, whose default is {default}, are a guess"
                )


def unseen_parameters(scenario: Scenario, seen: Seen) -> Iterator[tuple[str, object, object]]:
    """Parameters of the algorithm that are not at their default, without a trace in what is seen.

    Args:
        scenario (Scenario): The scenario.
        seen (Callable): What a model can see of an algorithm's parameters.

    Yields:
        tuple: Name, value and default.
    """
    for name, value, default, at_default in changed_parameters(scenario):
        if seen(*_settings(scenario)) == seen(at_default, scenario.config):
            yield name, value, default


def _settings(scenario: Scenario) -> tuple[CongestionControl, NetworkConfig]:
    return scenario.congestion_control, scenario.config


def changed_parameters(
    scenario: Scenario,
) -> Iterator[tuple[str, object, object, CongestionControl]]:
    """Parameters of the algorithm that are not at their default.

    Args:
        scenario (Scenario): The scenario.

    Yields:
        tuple: Name, value, default, and the algorithm with this one at its default.
    """
    control, config, arrays = scenario.congestion_control, scenario.config, scenario.arrays
    fields = {name: getattr(control, name) for name in type(control).model_fields}
    for name, value in fields.items():
        if type(control).model_fields[name].is_required():
            continue
        others = {other: kept for other, kept in fields.items() if other != name}
        # Some defaults depend on the network.
        at_default = type(control)(**others).resolve(
            *config.nic_rates_bps(arrays), config.payload_bytes
        )
        default = getattr(at_default, name)
        if value != default:
            yield name, value, default, at_default
