"""Results side by side, by label, without a truth; and what tables and plots show of them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

import m4graph as m4
from m4graph.core.errors import ConfigError
from m4graph.evaluation.plots.figure import TRUTH_COLOUR, simulator_colours


@pytest.fixture
def pair(result):
    """Two algorithms, each by packet, with other numbers of flows."""
    small = result("packet", [1.0, 2.0, 3.0, 4.0, np.nan], "one")
    large = result("packet", np.linspace(1, 101, 101), "two")
    return m4.compare(dctcp=small, hpcc=large)


def test_frame_by_hand(pair):
    frame = pair.to_frame().set_index("label")
    assert list(frame.index) == ["dctcp", "hpcc"]
    assert frame["scenario"].tolist() == ["one", "two"]
    assert frame["simulator"].tolist() == ["packet", "packet"]
    assert frame["num_flows"].tolist() == [5, 101]
    assert frame["num_finished"].tolist() == [4, 101]
    assert frame["mean_slowdown"].tolist() == [2.5, 51.0]
    assert frame["p99_slowdown"].tolist() == pytest.approx([3.97, 100.0])


def test_table_and_notebook(pair):
    with (console := Console(width=200)).capture() as captured:
        console.print(pair)
    for text in ("dctcp", "hpcc", "2.50", "finished"):
        assert text in captured.get()
    assert "<td>3.97</td>" in pair._repr_html_()
    assert repr(pair) == "Distributions('one, two', ['dctcp', 'hpcc'])"


def test_names_are_escaped_in_notebooks(result):
    made = m4.compare(a=result("packet", [1.0], "<script>"), b=result("packet", [2.0], "<script>"))
    assert "<script>" not in made._repr_html_()


def test_quantiles_by_size(result):
    # Sizes go round: 100, 2 000, 40 000, 1 000 000 bytes, 50 flows of each.
    slowdown = np.repeat(np.arange(1.0, 51), 4)
    made = m4.compare(a=result("packet", slowdown), b=result("packet", 2 * slowdown))
    table = made.by_size(quantile=0.5)
    assert table["smallest_bytes"].tolist() == [100, 2_000, 40_000, 1_000_000]
    assert table["largest_bytes"].tolist() == table["smallest_bytes"].tolist()
    assert table["a"].tolist() == [25.5] * 4
    assert table["b"].tolist() == [51.0] * 4
    assert made.by_size()["a"].tolist() == pytest.approx([np.quantile(np.arange(1, 51), 0.99)] * 4)
    with pytest.raises(ConfigError, match=r"quantile: expected a number .* at most 1 \(got 99\)"):
        made.by_size(quantile=99)


def test_a_bin_that_one_result_has_no_flow_in(result):
    both = m4.compare(a=result("packet", np.ones(400)), b=result("packet", np.ones(1)))
    assert both.by_size()["b"].isna().tolist() == [False, True, True, True]
    assert both.plot(kind="slowdown_by_size").axes


def test_plots_show_all_flows_of_each(pair):
    figure = pair.plot()
    [axes] = figure.axes
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [4, 101]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dctcp", "hpcc"]
    assert "truth" not in figure.get_suptitle()
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_plot_into_given_axes(pair, comparison, tmp_path):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert pair.plot(ax=left) is figure
    assert pair.plot(tmp_path / "size.png", "slowdown_by_size", ax=right, quantile=0.99) is figure
    assert len(left.get_lines()) == len(right.get_lines()) == 2
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["dctcp", "hpcc", "99th percentile"]
    assert (tmp_path / "size.png").read_bytes().startswith(b"\x89PNG")
    alone = m4.compare(*(comparison().truth, *comparison().guesses.values()))
    with pytest.raises(ConfigError, match=r"ax: expected a plot of one panel \(got 2\)"):
        alone.plot(kind="true_vs_predicted", ax=left)
    with pytest.raises(ConfigError, match=r"ax: expected axes of matplotlib \(got str\)"):
        pair.plot(ax="left")


def test_what_a_plot_needs(pair):
    with pytest.raises(ConfigError, match="true_vs_predicted: expected a comparison with a truth"):
        pair.plot(kind="true_vs_predicted")
    with pytest.raises(ConfigError, match=r"quantile: expected it with slowdown_by_size \(got"):
        pair.plot(quantile=0.5)


def test_the_truth_by_its_label(result):
    slow, fast = result("packet", [2.0, 4.0]), result("packet", [1.0, 4.0])
    made = m4.compare(exact=slow, quick=fast, truth="exact")
    assert made.errors["quick"].mean_error == pytest.approx(0.25)
    assert made.to_frame()["simulator"].tolist() == ["exact", "quick"]
    assert m4.compare(slow, quick=fast).truth.simulator == "packet"
    other = m4.compare(exact=slow, quick=fast, truth="quick")
    assert other.errors["exact"].mean_error == pytest.approx(0.5)
    assert slow.simulator == "packet"


def test_packet_is_black_without_a_truth_too(result):
    made = m4.compare(packet=result("packet", [1.0]), other=result("packet", [1.0]))
    [axes] = made.plot().axes
    drawn = [line.get_color() for line in axes.get_lines()]
    assert drawn == [TRUTH_COLOUR, simulator_colours(["other"])["other"]]


@pytest.mark.parametrize(
    ("arguments", "labelled", "message"),
    [
        ((), {}, r"two results or more \(got none\)"),
        ((), {"a": 1}, r"two results or more \(got a\)"),
        ((1, 1), {}, r"got two of packet\); labels tell them apart"),
        ((1,), {"packet": 1}, "got two of packet"),
        ((), {"a": 1, "b": 1, "truth": "c"}, r"truth: expected one of a, b \(got 'c'\)"),
        ((), {"a": 1, "b": 5}, r"expected results, as of m4.simulate \(got int\)"),
    ],
)
def test_bad_arguments(result, arguments, labelled, message):
    one = result("packet", [1.0])
    with pytest.raises(ConfigError, match=message):
        m4.compare(
            *(one for _ in arguments),
            **{name: one if value == 1 else value for name, value in labelled.items()},
        )


def test_a_result_without_finished_flows(result):
    with pytest.raises(ConfigError, match=r"b: expected a result with finished flows"):
        m4.compare(a=result("packet", [1.0]), b=result("packet", [np.nan]))
