"""Extra heads: further predictions for each flow or link at each step, by name or by class.

A head reads the states that a :class:`~m4graph.nn.FlowLinkModel` has updated, is trained by a loss
of its own beside the model's, and changes nothing about the slowdowns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from m4graph.core.blocks import check_keys, choose
from m4graph.core.errors import ConfigError
from m4graph.core.registry import Registry
from m4graph.core.schema import KeyProblem, keys_inside, spell
from m4graph.graph.schema import FLOW, FLOW_FEATURES, LINK

if TYPE_CHECKING:
    from m4graph.graph import EventStep

_LOG_PRIOR = FLOW_FEATURES.index("log_prior")


class Targets(Protocol):
    """What is known of a step when a model is trained.

    Shapes:
        - ``log_slowdown``, ``weight`` ``[num_touched]``: of the whole flow; weight 0: unknown
        - ``remaining`` ``[num_touched]``: share of the flow not yet at the receiver, NaN: unknown
        - ``log_queue`` ``[num_updated]``: ``log(1 + packets)`` waiting, NaN: unknown
    """

    @property
    def step(self) -> EventStep:
        """What the model reads."""

    @property
    def log_slowdown(self) -> Tensor:
        """Of each touched flow, when it is over."""

    @property
    def weight(self) -> Tensor:
        """What each touched flow counts."""

    @property
    def remaining(self) -> Tensor:
        """Of each touched flow, now."""

    @property
    def log_queue(self) -> Tensor:
        """Of each updated link, now."""


class Head(nn.Module, ABC):
    """One more prediction for each flow that an event touches, or each link that it updates.

    A subclass is made as ``cls(state_channels, x_channels, **options)``, with plain values as
    options, and sets :attr:`reads`.
    """

    reads: ClassVar[Literal["flow", "link"]]
    """Whose states it reads."""

    @abstractmethod
    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """Predicts row by row; no row may depend on another.

        Shapes:
            - ``state`` ``[num_rows, state_channels]``, ``x`` ``[num_rows, x_channels]``: the
              updated states, and the features of :mod:`m4graph.graph.schema`
            - output ``[num_rows]`` or ``[num_rows, k]``
        """

    @abstractmethod
    def loss(self, prediction: Tensor, targets: Targets) -> Tensor:
        """A sum over the rows of one step, a scalar, in units of one flow.

        Args:
            prediction (Tensor): What :meth:`forward` gave.
            targets (Targets): What is known; a head leaves out what is not.
        """


class SlowdownQuantileHead(Head):
    r"""A quantile of a flow's slowdown, where the model itself predicts the median.

    .. math::
        \log \hat{q}_f = \log p_f + \mathrm{MLP}([\mathbf{h}'_f, \mathbf{x}_f]) + c, \qquad
        L = \sum_f w_f \max(\tau e_f, (\tau - 1) e_f), \quad e_f = \log s_f - \log \hat{q}_f

    The buffer ``shift``, :math:`c`, is 0 while a model is trained, and set when it is published
    (:mod:`m4graph.training.calibration`), so that the share of slowdowns below is the level.

    Args:
        state_channels (int): Width of the flow states.
        x_channels (int): Number of flow features.
        level (float, optional): :math:`\tau`, above 0 and below 1. (default: ``0.9``)

    Reference:
        Koenker and Bassett, "Regression Quantiles", Econometrica 46(1), 1978.

    Raises:
        KeyProblem: If the level is out of range.
    """

    reads = "flow"
    shift: Tensor

    def __init__(self, state_channels: int, x_channels: int, level: float = 0.9) -> None:
        super().__init__()
        if not 0 < level < 1:
            raise KeyProblem("level", f"expected a value above 0 and below 1 (got {spell(level)})")
        self.level = level
        self.mlp = mlp(state_channels + x_channels, state_channels)
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """The logarithm of the quantile, ``[num_rows]``."""
        log_ratio: Tensor = self.mlp(torch.cat((state, x), 1)).squeeze(1)
        return x[:, _LOG_PRIOR] + log_ratio + self.shift

    def loss(self, prediction: Tensor, targets: Targets) -> Tensor:
        """The pinball loss, summed over the flows."""
        error = targets.log_slowdown - prediction
        pinball = torch.maximum(self.level * error, (self.level - 1) * error)
        return (pinball * targets.weight).sum()

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        state_dict.setdefault(f"{prefix}shift", torch.zeros(()))  # older weights have none
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


HEADS: Registry[type[Head]] = Registry(
    "head", {"slowdown_quantile": "m4graph.nn.heads:SlowdownQuantileHead"}
)
"""Extra heads by name."""

HeadSpec = str | type[Head] | Mapping[str, Any]
"""A name of :data:`HEADS`, a class, or a block with one of these as ``kind`` and options beside."""


def resolve_heads(
    specs: Mapping[str, HeadSpec], state_channels: int, x_channels: Mapping[str, int]
) -> nn.ModuleDict:
    """Makes extra heads, each tried once on two rows.

    Args:
        specs (Mapping[str, HeadSpec]): Each head under the name of its prediction.
        state_channels (int): Width of the states.
        x_channels (Mapping[str, int]): Number of features of ``"flow"`` and ``"link"``.

    Raises:
        ConfigError: If a name or an option is unknown, or a head is unusable here.
    """
    if not isinstance(specs, Mapping):
        raise ConfigError(f"extra_heads: expected a block of heads by name (got {specs!r})")
    heads = nn.ModuleDict()
    for name, spec in specs.items():
        if not (isinstance(name, str) and name.isidentifier()) or hasattr(heads, name):
            raise ConfigError(f"extra_heads: expected another name, as in 'p90' (got {name!r})")
        heads[name] = _make_head(name, spec, state_channels, x_channels)
    return heads


def quantile_heads(model: nn.Module) -> dict[str, SlowdownQuantileHead]:
    """The heads of a model that predict quantiles of slowdowns, by name.

    A subclass is not among them: it may predict something else.
    """
    heads: Mapping[str, nn.Module] = getattr(model, "extra_heads", {})
    return {name: head for name, head in heads.items() if type(head) is SlowdownQuantileHead}


def plain_head_specs(specs: Mapping[str, HeadSpec]) -> dict[str, dict[str, Any]]:
    """The same heads as plain values, for a model's configuration.

    Raises:
        ConfigError: If a class is not registered, so that a checkpoint could not be loaded again.
    """
    return {name: _plain(spec, f"extra_heads.{name}") for name, spec in specs.items()}


def mlp(in_channels: int, hidden_channels: int, out_channels: int = 1) -> nn.Sequential:
    """Two layers that give a number for each row, or several."""
    return nn.Sequential(
        nn.Linear(in_channels, hidden_channels),
        nn.ReLU(),
        nn.Linear(hidden_channels, out_channels),
    )


def _plain(spec: HeadSpec, key: str) -> dict[str, Any]:
    chosen = choose(HEADS, spec, key)
    name = HEADS.name_of(chosen.plugin)
    if name is None:
        raise KeyProblem(
            key,
            f"expected a registered head, as by m4graph.nn.HEADS.register(name, {chosen.name}) "
            "(got one without a name)",
        )
    return {**chosen.parameters, "kind": name}


def _make_head(
    name: str, spec: HeadSpec, state_channels: int, x_channels: Mapping[str, int]
) -> Head:
    where = f"extra_heads.{name}"
    _, factory, options = choose(HEADS, spec, where)
    if not (isinstance(factory, type) and issubclass(factory, Head)):
        raise ConfigError(f"{where}: expected a subclass of m4graph.nn.Head (got {factory!r})")
    reads = getattr(factory, "reads", None)
    if reads not in (FLOW, LINK):
        raise ConfigError(f"{where}: expected reads = 'flow' or 'link' (got {reads!r})")
    make = partial(factory, state_channels, x_channels[reads])
    check_keys(make, options, where)
    try:
        with keys_inside(where):
            head = make(**options)
    except KeyProblem:
        raise
    except Exception as error:
        raise ConfigError(
            f"{where}: expected a head made as {factory.__name__}(state_channels, x_channels, "
            f"**{options}) (got {type(error).__name__}: {error})"
        ) from error
    _check_rows(head, where, state_channels, x_channels[reads])
    return head


def _check_rows(head: Head, where: str, state_channels: int, x_channels: int) -> None:
    """One forward on two rows, without dropout or running statistics."""
    head.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            out = head(torch.ones(2, state_channels), torch.ones(2, x_channels))
    except Exception as error:
        raise ConfigError(
            f"{where}: expected a head called as head(state, x) "
            f"(got {type(error).__name__}: {error})"
        ) from error
    finally:
        head.train()
    shape = list(out.shape) if isinstance(out, Tensor) else type(out).__name__
    if not (isinstance(out, Tensor) and out.dim() in (1, 2) and len(out) == 2):
        raise ConfigError(
            f"{where}: expected a result of shape [num_rows] or [num_rows, k], here with 2 rows "
            f"(got {shape})"
        )
