"""What every law of flow sizes must keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from m4graph.core.calls import plain_call
from m4graph.core.rng import generator
from m4graph.testing.rules import Report, Rules, expect, expect_equal, expect_refused
from m4graph.testing.tiny import tiny_network
from m4graph.workload import SIZE_LAWS, SizeLaw, from_config
from m4graph.workload.sizes import MAX_SIZE_BYTES

_DRAWS = 200_000
_MOST_ERRORS = 8.0
"""Standard errors by which the mean of the draws may be off, heavy tails included."""

_NONSENSE = "nonsense"


@plain_call
def check_size_law(law: str | Callable[..., SizeLaw], **parameters: Any) -> Report:
    """Checks a law of flow sizes, on one set of parameters.

    Rules: its mean is a finite number above 0; sizes are int64, of 1 byte to
    :data:`~m4graph.workload.sizes.MAX_SIZE_BYTES`; no draws are fine; all randomness comes from the
    generator that it is given, so that the same one gives the same sizes, whatever was drawn
    before; the mean of 200 000 draws is the declared one, within a byte and eight standard errors.
    A name is also tried as a ``sizes`` block of YAML: the same sizes come; a key that does not
    exist, and text in place of any value, are refused with an
    :class:`~m4graph.core.errors.InputError`.

    Args:
        law (str or callable): A name of :data:`m4graph.workload.SIZE_LAWS`, or a class.
        **parameters: Its parameters; with a tail so heavy that no sample shows its mean (a Pareto
            law with shape 1.2, say), the rule on the mean fails.

    Raises:
        ConformanceError: For the first rule that is broken.
    """
    rules = Rules("size law", law)
    with rules("made"):
        made: SizeLaw = SIZE_LAWS.resolve(law)(**parameters)
    with rules("mean"):
        mean = made.mean_bytes
        positive = bool(np.isfinite(mean)) and mean > 0
        expect(positive, "mean_bytes, a finite number above 0", mean)
    with rules("sizes"):
        sizes = _draw(made, 0, 5000)
        _check_sizes(sizes, 5000)
        _check_sizes(_draw(made, 0, 0), 0)
    with rules("seed"):
        _check_randomness(made, sizes)
    with rules("declared mean"):
        drawn = _draw(made, 1, _DRAWS).astype(np.float64)
        bound = 1.0 + _MOST_ERRORS * drawn.std() / np.sqrt(_DRAWS)
        close = abs(drawn.mean() - mean) <= bound
        expect(
            close, f"draws with a mean of {mean:.6g} +- {bound:.3g} bytes", f"{drawn.mean():.6g}"
        )
    if isinstance(law, str):
        with rules("YAML"):
            block = yaml.safe_load(yaml.safe_dump({"kind": law, **parameters}))
            made_again: SizeLaw = SIZE_LAWS.resolve(law)(**{k: block[k] for k in parameters})
            expect_equal(_draw(made_again, 0, 5000), sizes, "the same sizes from YAML")
            _workload(block)
        with rules("bad keys"):
            unknown = {"kind": law, **parameters, "no_such_key": 1}
            expect_refused(partial(_workload, unknown), "no_such_key to be refused")
            for key in parameters:
                bad = {"kind": law, **parameters, key: _NONSENSE}
                refused = f"{key}: {_NONSENSE!r} to be refused"
                expect_refused(partial(_workload, bad), refused)
    return rules.report


def _draw(law: SizeLaw, seed: int, num_flows: int) -> NDArray[np.int64]:
    return law.sample(generator(seed, "testing", "sizes"), num_flows)


def _check_sizes(sizes: NDArray[np.int64], num_flows: int) -> None:
    got = f"{getattr(sizes, 'dtype', type(sizes).__name__)} {list(np.shape(sizes))}"
    expect(got == f"int64 [{num_flows}]", f"int64 [{num_flows}]", got)
    if num_flows:
        least, most = int(sizes.min()), int(sizes.max())
        inside = least >= 1 and most <= MAX_SIZE_BYTES
        expect(inside, f"sizes of 1 to {MAX_SIZE_BYTES} bytes", f"{least} to {most}")


def _check_randomness(law: SizeLaw, sizes: NDArray[np.int64]) -> None:
    before = np.random.get_state(legacy=False)
    again = _draw(law, 0, len(sizes))
    after = np.random.get_state(legacy=False)
    expect_equal(again, sizes, "the same sizes from the same generator")
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    untouched = np.array_equal(before["state"]["key"], after["state"]["key"])
    untouched &= before["state"]["pos"] == after["state"]["pos"]
    expect(untouched, "draws from the given generator alone", "draws from numpy's global one")


def _workload(sizes: dict[str, Any]) -> object:
    block = {"kind": "generated", "sizes": sizes, "load": 0.5, "num_flows": 4}
    return from_config(block, tiny_network(), seed=0)
