"""The plots of results side by side, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4graph.core.calls import plain_call
from m4graph.core.checks import check_positive
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem
from m4graph.evaluation.samples import SideBySide

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS: Registry[Any] = Registry(
    "plot",
    {
        "slowdown_cdf": "m4graph.evaluation.plots.slowdown_cdf:draw",
        "slowdown_by_size": "m4graph.evaluation.plots.slowdown_by_size:draw",
        "true_vs_predicted": "m4graph.evaluation.plots.true_vs_predicted:draw",
    },
)
"""Functions of a sequence of comparisons that give a figure, drawn into axes where some are given
(``ax``).
"""

_BY_QUANTILE = "slowdown_by_size"


@plain_call
def plot(
    comparisons: Sequence[SideBySide],
    path: str | Path | None = None,
    kind: str = "slowdown_cdf",
    *,
    ax: Axes | None = None,
    quantile: float | None = None,
) -> Figure:
    """Draws one plot, with a panel for each scenario.

    Args:
        comparisons (Sequence): What to show.
        path (str or Path, optional): A file to write, too; its ending chooses the format, as in
            ``.png``. (default: none)
        kind (str, optional): ``"slowdown_cdf"``, ``"slowdown_by_size"`` or
            ``"true_vs_predicted"``. (default: ``"slowdown_cdf"``)
        ax (matplotlib.axes.Axes, optional): Where to draw the only panel. (default: a new figure)
        quantile (float, optional): Of ``"slowdown_by_size"``, as in ``0.99``. (default: the median
            and the 90th percentile)

    Raises:
        InputError: If the kind or the ending is unknown, an option does not fit the kind, or
            nothing can be written there.
    """
    options: dict[str, Any] = {} if ax is None else {"ax": ax}
    function = PLOTS.resolve(kind)
    if quantile is not None:
        if PLOTS.spelling(kind) != _BY_QUANTILE:
            raise KeyProblem("quantile", f"expected it with {_BY_QUANTILE} (got {kind!r})")
        options["quantile"] = check_positive("quantile", quantile, maximum=1)
    figure: Figure = function(comparisons, **options)
    if path is not None:
        from m4graph.evaluation.plots.figure import save_figure

        save_figure(figure, Path(path))
    return figure
