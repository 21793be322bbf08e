"""Extra heads: what they read, how they are named, saved and refused."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import nn

from m4graph.checkpoint import load_checkpoint, save_checkpoint
from m4graph.core.errors import ConfigError
from m4graph.graph.schema import FLOW_FEATURES, LINK_FEATURES
from m4graph.nn import HEADS, FlowLinkModel, Head
from m4graph.nn.heads import SlowdownQuantileHead
from m4graph.testing import tiny_step

HIDDEN = 8
P90 = {"p90": {"kind": "slowdown_quantile", "level": 0.9}}


class QueueHead(Head):
    """Two numbers for each link."""

    reads = "link"

    def __init__(self, state_channels, x_channels, scale=1.0):
        super().__init__()
        self.scale = scale
        self.lin = nn.Linear(state_channels + x_channels, 2)

    def forward(self, state, x):
        return self.scale * self.lin(torch.cat((state, x), 1))

    def loss(self, prediction, targets):
        known = ~torch.isnan(targets.log_queue)
        return (prediction[known, 0] - targets.log_queue[known]).abs().sum()


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(HEADS, "_objects", dict(HEADS._objects))
    monkeypatch.setattr(HEADS, "_display", dict(HEADS._display))
    return HEADS.register("queue_pair", QueueHead)


def seeded(**options):
    torch.manual_seed(0)
    return FlowLinkModel(hidden_channels=HIDDEN, **options)


def test_a_seed_gives_the_same_model_with_heads_and_without():
    plain, extended = seeded().state_dict(), seeded(extra_heads=P90).state_dict()
    assert all(torch.equal(extended[name], value) for name, value in plain.items())
    extra = set(extended) - set(plain)
    assert extra
    assert all(name.startswith("extra_heads.p90.") for name in extra)


def test_heads_read_flows_and_links(registered):
    model = seeded(extra_heads=P90 | {"pair": {"kind": QueueHead, "scale": 2.0}})
    step = tiny_step()
    states = torch.randn(4, HIDDEN), torch.randn(5, HIDDEN)
    output = model(step, *states)
    assert output.extra["p90"].shape == (4,)
    assert output.extra["pair"].shape == (2, 2)
    expected = model.extra_heads["pair"](output.link_state, step.link_x[:2])
    assert torch.equal(output.extra["pair"], expected)
    without = seeded()(step, *states)
    assert without.extra == {}
    assert torch.equal(output.log_slowdown, without.log_slowdown)


def test_the_configuration_names_them(registered, tmp_path, metadata):
    model = seeded(extra_heads=P90 | {"pair": {"kind": QueueHead, "scale": 2.0}, "q": QueueHead})
    config = json.loads(json.dumps(model.config))
    assert config["extra_heads"] == {
        "p90": {"kind": "slowdown_quantile", "level": 0.9},
        "pair": {"kind": "queue_pair", "scale": 2.0},
        "q": {"kind": "queue_pair"},
    }
    save_checkpoint(tmp_path / "m", model, metadata, "A card.")
    loaded = load_checkpoint(tmp_path / "m")
    assert loaded.config == config
    assert loaded.extra_heads["pair"].scale == 2.0
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_model_without_heads_is_saved_as_before():
    assert "extra_heads" not in seeded().config
    assert "extra_heads" not in seeded(extra_heads={}).config


def test_a_head_without_a_name_cannot_be_saved():
    with pytest.raises(ConfigError, match=r"extra_heads.*: expected a registered head, as by"):
        _ = seeded(extra_heads={"pair": QueueHead}).config


class Targets:
    log_slowdown = torch.tensor([math.log(2.0), math.log(3.0), 5.0])
    weight = torch.tensor([1.0, 0.5, 0.0])


def test_the_pinball_loss_by_hand():
    head = SlowdownQuantileHead(HIDDEN, len(FLOW_FEATURES), level=0.75)
    prediction = torch.tensor([math.log(1.0), math.log(6.0), 0.0])
    # 0.75 * log 2 for one that is too low, 0.25 * log 2 for one too high, which counts half.
    expected = 0.75 * math.log(2) + 0.5 * 0.25 * math.log(2)
    assert head.loss(prediction, Targets()).item() == pytest.approx(expected)


def test_a_quantile_starts_from_the_physical_estimate():
    head = SlowdownQuantileHead(HIDDEN, len(FLOW_FEATURES))
    state, x = torch.randn(3, HIDDEN), torch.randn(3, len(FLOW_FEATURES))
    higher = x.clone()
    higher[:, FLOW_FEATURES.index("log_prior")] += 1.0
    nn.init.zeros_(head.mlp[-1].weight)
    torch.testing.assert_close(head(state, higher), head(state, x) + 1.0)


class Unread(QueueHead):
    reads = "port"


class OneRow(QueueHead):
    def forward(self, state, x):
        return super().forward(state, x).mean(0, keepdim=True)


class Deaf(QueueHead):
    def forward(self, state):
        return state


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (["p90"], r"extra_heads: expected a block of heads by name \(got \['p90'\]\)"),
        ({"a.b": QueueHead}, r"extra_heads: expected another name, as in 'p90' \(got 'a.b'\)"),
        ({"keys": QueueHead}, r"extra_heads: expected another name, as in 'p90' \(got 'keys'\)"),
        ({"q": "slowdown_quantil"}, "extra_heads.q: unknown head: .*did you mean 'slowdown_quan"),
        ({"q": {"level": 0.9}}, "extra_heads.q.kind: missing key: expected slowdown_q"),
        ({"q": {"kind": "slowdown_quantile", "level": 1.5}}, r"extra_heads.q.level: .*got 1.5"),
        ({"q": {"kind": QueueHead, "bias": 1}}, "extra_heads.q.bias: unknown key"),
        ({"q": nn.Linear}, "extra_heads.q: expected a subclass of m4graph.nn.Head"),
        ({"q": Unread}, r"extra_heads.q: expected reads = 'flow' or 'link' \(got 'port'\)"),
        ({"q": OneRow}, r"extra_heads.q: expected a result of shape .* \(got \[1, 2\]\)"),
        ({"q": Deaf}, "extra_heads.q: expected a head called as head"),
    ],
)
def test_bad_heads(heads, message):
    with pytest.raises(ConfigError, match=message):
        FlowLinkModel(hidden_channels=HIDDEN, extra_heads=heads)


def test_widths_are_those_of_the_model():
    model = FlowLinkModel(hidden_channels=5, extra_heads={"q": QueueHead})
    assert model.extra_heads["q"].lin.in_features == 5 + len(LINK_FEATURES)
