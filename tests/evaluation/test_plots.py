"""What is drawn, read back from the figures; and that no text is cut or lies on another."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

import m4graph as m4
from m4graph.evaluation.plots import slowdown_by_size, slowdown_cdf, true_vs_predicted
from m4graph.evaluation.plots.figure import (
    TRUTH_COLOUR,
    colours,
    simulator_colours,
    ticks,
    truth_colour,
    wrapped,
)
from m4graph.evaluation.plots.slowdown_by_size import spell_bytes
from m4graph.evaluation.samples import FEWEST_FLOWS, size_bins

KINDS = [slowdown_cdf, slowdown_by_size, true_vs_predicted]
NAMES = ["case", "a quite long name, as scenarios have", "x_y", "web_search, load 0.6"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_no_text_is_cut_or_overlaps(comparison, kind, count):
    figure = kind.draw([comparison(name, num_repeats=50) for name in NAMES[:count]])
    FigureCanvasAgg(figure).draw()
    width, height = figure.bbox.size
    boxes = {}
    for axes in filter(lambda axes: axes.get_visible(), figure.axes):
        texts = [axes.title, axes.xaxis.label, axes.yaxis.label]
        texts += [label for label in axes.get_xticklabels() + axes.get_yticklabels()]
        boxes |= {text: text.get_window_extent() for text in texts if text.get_text()}
    texts = [figure._suptitle, *figure.legends[0].get_texts()]
    boxes |= {text: text.get_window_extent() for text in texts}
    for text, box in boxes.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, text.get_text()
    for (one, box), (other, another) in itertools.combinations(boxes.items(), 2):
        assert not box.overlaps(another), (one.get_text(), other.get_text())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "slowdown", [[1.0], [1.0, 1.0], [1.0, 1e6], [0.5, 1.0], [1.001, 1.002, 1.003]]
)
def test_odd_slowdowns_can_be_drawn(result, tmp_path, kind, slowdown):
    made = m4.compare(result("packet", slowdown, name="$\\bad_{$ name"), result("a$^$", slowdown))
    kind.draw([made]).savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_cdf_of_four_flows(comparison):
    [axes] = slowdown_cdf.draw([comparison()]).axes
    truth, fluid, learned = axes.get_lines()
    assert truth.get_xdata().tolist() == [1.0, 2.0, 4.0, 8.0]
    assert truth.get_ydata().tolist() == [0.25, 0.5, 0.75, 1.0]
    assert fluid.get_xdata().tolist() == [1.0] * 4
    assert learned.get_xdata().tolist() == truth.get_xdata().tolist()
    assert axes.get_xscale() == "log"


def test_median_by_size(comparison):
    # Each of the four sizes has one slowdown: 1, 2, 4, 8.
    [axes] = slowdown_by_size.draw([comparison(num_repeats=50)]).axes
    median = axes.get_lines()[0]
    assert median.get_xdata() == pytest.approx([100, 2_000, 40_000, 1_000_000])
    assert median.get_ydata().tolist() == [1.0, 2.0, 4.0, 8.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "100 B", "1 KB", "10 KB", "100 KB", "1 MB",
    ]  # fmt: skip


def test_percentiles_by_size(result):
    truth = np.resize(np.repeat([1.0, 3.0], 4), 400)
    made = m4.compare(result("packet", truth), result("fluid", np.ones(400)))
    [axes] = slowdown_by_size.draw([made]).axes
    assert axes.get_lines()[0].get_ydata().tolist() == [2.0] * 4
    assert axes.get_lines()[1].get_ydata().tolist() == [3.0] * 4


def test_each_flow_is_in_one_bin_and_no_bin_is_small():
    sizes = np.random.default_rng(0).lognormal(9, 3, 1000).astype(np.int64) + 1
    bins = [flows for (flows,) in size_bins([sizes])]
    assert np.sort(np.concatenate(bins)).tolist() == list(range(1000))
    assert min(map(len, bins)) >= FEWEST_FLOWS
    for smaller, larger in itertools.pairwise(bins):
        assert sizes[smaller].max() < sizes[larger].min()
    assert [len(flows) for (flows,) in size_bins([np.array([5, 10**9])])] == [2]


def test_unfinished_flows_are_not_drawn(result):
    made = m4.compare(result("packet", [2.0, np.nan]), result("fluid", [1.5, 9.0]))
    [axes] = slowdown_cdf.draw([made]).axes
    assert [line.get_xdata().tolist() for line in axes.get_lines()] == [[2.0], [1.5]]


def test_true_against_predicted(comparison):
    figure = true_vs_predicted.draw([comparison("one"), comparison("two")])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "one\nfluid: mean error 53.1 %, p90 83.8 %"
    assert titles[1].startswith("two\nfluid")
    assert titles[2] == "one\nlearned: mean error 0.0 %, p90 0.0 %"
    for axes in figure.axes:
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.collections[0].get_array().sum() > 0
    # A cell is a fortieth of the axis: the right predictions lie on the diagonal.
    for axes, is_right in zip(figure.axes, [False, False, True, True], strict=True):
        true, predicted = _cells(axes.collections[0])
        assert len(true) == 4
        assert (np.abs(np.log(predicted / true)) < 0.06).all() == is_right


def _cells(collection):
    """Centres of the cells; matplotlib places one path at offsets, older ones a path for each."""
    offsets, paths = collection.get_offsets(), collection.get_paths()
    if len(offsets) > 1:
        return 10 ** np.asarray(offsets).T
    return np.exp([np.log(path.vertices[:6]).mean(axis=0) for path in paths]).T


def test_a_simulator_has_one_colour_in_all_plots(comparison, result):
    made = [comparison("one"), comparison("two")]
    palette = colours(made)
    assert len(set(palette.values()) | {TRUTH_COLOUR}) == 3
    for kind in (slowdown_cdf, slowdown_by_size):
        figure = kind.draw(made)
        entries = {
            text.get_text(): to_hex(line.get_color()).upper()
            for line, text in zip(
                figure.legends[0].get_lines(), figure.legends[0].get_texts(), strict=True
            )
        }
        assert entries["packet (truth)"] == TRUTH_COLOUR
        assert {name: entries[name] for name in palette} == palette
        drawn = {to_hex(line.get_color()).upper() for line in figure.axes[0].get_lines()}
        assert drawn == {TRUTH_COLOUR, *palette.values()}
    assert truth_colour(palette) == simulator_colours(["packet"])["packet"] == TRUTH_COLOUR
    assert truth_colour(simulator_colours(["packet"])) != TRUTH_COLOUR  # Recorded times.
    plugins = m4.compare(made[0].truth, *(result(name, [1.0] * 4) for name in "abcd"))
    assert len(set(colours([plugins]).values())) == 4


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.95, 2.1, [1, 1.2, 1.5, 2]),
        (0.95, 12, [1, 1.5, 2, 3, 5, 7, 10]),
        (0.95, 90, [1, 2, 5, 10, 20, 50]),
        (50, 2e7, [100, 1e3, 1e4, 1e5, 1e6, 1e7]),
    ],
)
def test_ticks(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)
    assert len(ticks(1e-3, 1e15)) <= 8


def test_spelling():
    sizes = {1: "1 B", 200: "200 B", 1e3: "1 KB", 2e5: "200 KB", 1.5e6: "1.5 MB", 1e9: "1 GB"}
    assert {value: spell_bytes(value) for value in sizes} == sizes
    assert wrapped("a name") == "a name"
    long = wrapped("word " * 50)
    assert long.count("\n") == 1
    assert long.endswith(" ...")


def test_pyplot_is_not_imported(comparison, tmp_path):
    before = "matplotlib.pyplot" in sys.modules
    comparison().save(tmp_path / "out")
    assert ("matplotlib.pyplot" in sys.modules) == before
