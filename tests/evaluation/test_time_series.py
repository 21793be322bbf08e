"""Plots of recorded runs, read back from the figures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import m4graph as m4
from m4graph.core.errors import InputError
from m4graph.evaluation import plot_flows, plot_links
from m4graph.evaluation.plots.time_series import draw_flows, draw_links
from m4graph.simulators.packet import Recording, Records
from m4graph.simulators.packet.layout import TAP_ROW
from m4graph.simulators.packet.observe.end_to_end import HOST_BYTES, RTT_SAMPLE, EndToEnd
from m4graph.simulators.packet.observe.tables import FLOW_SAMPLE, LINK_SAMPLE
from m4graph.workload import Workload

NETWORK = m4.topology.star(num_hosts=3, gbps=10, delay_ns=1000)
FAULT = {"link": [0, 3], "kind": "slow", "factor": 0.5, "at_us": 1500.0, "until_us": 2500.0}


@pytest.fixture
def records():
    """Three samples, 1 ms apart, of all six links and two flows."""
    workload = Workload.from_arrays([7, 8], [0, 1], [2, 2], [5_000_000, 9_000_000], [0, 0])
    scenario = m4.Scenario(NETWORK, workload, "dctcp", faults=[FAULT])
    links, flows = np.zeros(18, LINK_SAMPLE), np.zeros(6, FLOW_SAMPLE)
    links["time_ticks"] = np.repeat([1, 2, 3], 6) * 10**6
    links["link"] = np.tile(np.arange(6), 3)
    links["sent_bytes"] = 1000 * links["link"]
    links["queue_bytes"] = 500 * links["link"]
    flows["time_ticks"] = np.repeat([1, 2, 3], 2) * 10**6
    flows["row"] = np.tile([0, 1], 3)
    flows["remaining_bytes"] = 10**6 * np.array([5, 9, 4, 8, 3, 7])
    flows["rate_bps"] = 10**9
    recording = Recording(links="all", flows="all")
    nothing = EndToEnd(scenario, np.zeros(0, RTT_SAMPLE), np.zeros(0, HOST_BYTES))
    return Records(recording, scenario, links, flows, np.zeros(0, TAP_ROW), nothing)


def test_links(records):
    figure = draw_links(records, [(0, 3), (3, 2)])
    sent, queue = figure.axes
    assert [line.get_ydata().tolist() for line in sent.get_lines()] == [[0.0] * 3, [0.04] * 3]
    assert queue.get_lines()[1].get_xdata().tolist() == [1.0, 2.0, 3.0]
    assert queue.get_lines()[1].get_ydata().tolist() == [2.5] * 3
    [shade] = queue.patches
    assert (shade.get_x(), shade.get_width()) == (1.5, 1.0)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["0 to 3", "3 to 2", "fault"]


def test_links_with_the_longest_queues_are_drawn(records):
    labels = [text.get_text() for text in draw_links(records).legends[0].get_texts()]
    assert labels == ["3 to 2", "2 to 3", "3 to 1", "1 to 3", "3 to 0", "0 to 3", "fault"]


def test_flows(records):
    rate, remaining = draw_flows(records).axes
    assert rate.get_lines()[0].get_ydata().tolist() == [1.0] * 3
    assert remaining.get_lines()[0].get_ydata().tolist() == [9.0, 8.0, 7.0]


@pytest.mark.parametrize("draw", [draw_links, draw_flows])
def test_no_text_is_cut_or_overlaps(records, draw):
    figure = draw(records)
    FigureCanvasAgg(figure).draw()
    width, height = figure.bbox.size
    texts = [figure._suptitle, *figure.legends[0].get_texts()]
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        texts += [axes.xaxis.label, axes.yaxis.label]
        texts += [label for place, label in ticks if low <= place <= high]
    boxes = {text: text.get_window_extent() for text in texts if text.get_text()}
    for text, box in boxes.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, text.get_text()
    for (one, box), (other, another) in itertools.combinations(boxes.items(), 2):
        assert not box.overlaps(another), (one.get_text(), other.get_text())


def test_what_was_not_recorded_is_refused(records, tmp_path):
    with pytest.raises(InputError, match="flow 3: expected one that was recorded"):
        plot_flows(records, tmp_path / "a.png", flows=[3])
    with pytest.raises(InputError, match="link 0-1: expected"):
        plot_links(records, tmp_path / "a.png", links=[(0, 1)])
