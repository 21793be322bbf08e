"""What every kind of fault must keep."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.scenario.faults import FAULTS, Fault, LinkConditions, conditions_at
from m4graph.scenario.files import load_scenario, save_scenario
from m4graph.testing.rules import Report, Rules, expect, expect_equal, expect_refused
from m4graph.testing.tiny import tiny_network, tiny_scenario
from m4graph.topology import NetworkArrays, validate

_WINDOW_US = (3.0, 5.0)
_BEFORE_NS, _WITHIN_NS, _AFTER_NS = 2999, 3000, 5000


@plain_call
def check_fault(fault: str, **parameters: Any) -> Report:
    """Checks a kind of fault, on one set of parameters.

    Rules: its class is registered under its literal ``kind``, or a spelling of it; it comes back
    equal from the folder of a scenario; a key that does not exist, and text in place of any number,
    are refused with a :class:`~m4graph.core.errors.ConfigError`; outside of its time each link is
    as the network has it; within it, it changes something about the links of its direction, and
    nothing about others; rates stay above 0 and probabilities within 0 and 1.

    Args:
        fault (str): A name of :data:`m4graph.scenario.faults.FAULTS`.
        **parameters: Its own; the cable and the times are chosen here.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("fault", fault)
    arrays = validate(tiny_network())
    link = [int(arrays.link_src[0]), int(arrays.link_dst[0])]
    block = {"kind": fault, "link": link, "at_us": _WINDOW_US[0], "until_us": _WINDOW_US[1]}
    block |= parameters
    with rules("registered"):
        model = FAULTS.resolve(fault)
        is_model = isinstance(model, type) and issubclass(model, Fault)
        expect(is_model, "a subclass of m4graph.scenario.faults.Fault", model)
        made = _made(block)
        same = FAULTS.resolve(made.kind) is model
        expect(same, f"the literal kind of {model.__name__} to be its name", repr(made.kind))
    with rules("scenario folder"):
        again = _from_folder(block)
        expect(again == made, f"{made!r} back from a scenario folder", again)
    with rules("bad keys"):
        _check_refusals(block, made)
    with rules("only in its time"):
        for time_ns in (_BEFORE_NS, _AFTER_NS):
            conditions = conditions_at([made], arrays, time_ns)
            changed = _changed(conditions, arrays)
            expect(not changed.any(), f"no change at {time_ns} ns", f"links {changed.nonzero()[0]}")
    with rules("only its links"):
        for direction, wanted in {"both": [0, 1], "forward": [0], "backward": [1]}.items():
            conditions = conditions_at(
                [_made({**block, "direction": direction})], arrays, _WITHIN_NS
            )
            changed = np.flatnonzero(_changed(conditions, arrays))
            expect_equal(changed, wanted, f"the links of direction {direction} to change")
    with rules("values"):
        conditions = conditions_at([made], arrays, _WITHIN_NS)
        expect(bool((conditions.rate_bps > 0).all()), "rates above 0", conditions.rate_bps.min())
        loss = conditions.loss_probability
        expect(bool(((loss >= 0) & (loss <= 1)).all()), "probabilities within 0 and 1", loss)
    return rules.report


def _made(block: dict[str, Any]) -> Fault:
    return tiny_scenario(faults=[block]).faults[0]


def _from_folder(block: dict[str, Any]) -> Fault:
    with tempfile.TemporaryDirectory() as scratch:
        save_scenario(tiny_scenario(faults=[block]), Path(scratch) / "scenario")
        return load_scenario(Path(scratch) / "scenario").faults[0]


def _check_refusals(block: dict[str, Any], made: Fault) -> None:
    unknown = {**block, "no_such_key": 1}
    expect_refused(partial(_made, unknown), "no_such_key to be refused", ConfigError)
    for key, value in made.model_dump().items():
        if isinstance(value, int | float):
            bad, expected = {**block, key: "nonsense"}, f"{key}: 'nonsense' to be refused"
            expect_refused(partial(_made, bad), expected, ConfigError)


def _changed(conditions: LinkConditions, arrays: NetworkArrays) -> np.ndarray:
    """Which links are not as the network has them, bool ``[num_links]``."""
    lossy, other_rate = conditions.loss_probability > 0, conditions.rate_bps != arrays.link_rate_bps
    changed: np.ndarray = conditions.down | lossy | other_rate
    return changed
