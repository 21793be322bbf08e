"""A model as a program of torch alone, in a file that needs neither m4graph nor PyG."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import torch
import torch_geometric
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError, InputError
from m4graph.core.files import whole_file
from m4graph.core.provenance import provenance
from m4graph.graph import EventStep
from m4graph.graph.schema import EDGE_FEATURES, FLOW_FEATURES, LINK_FEATURES, SCHEMA_VERSION
from m4graph.nn.conv import conv_name
from m4graph.nn.model import FlowLinkModel

METADATA = "m4graph.json"
"""The name, among the extra files of the program, of a JSON that says what it is."""

_TRACED = (4, 2, 3)
"""Flows, updated links and links only read of the graph that is traced; no two sizes are equal."""

_CHECKED = ((0, 2, 0), (1, 1, 0), (1, 2, 1), (2, 1, 1), (9, 4, 20))


@plain_call
def export_model(model: FlowLinkModel, path: str | Path) -> None:
    """Writes the step of a model as a ``.pt2`` file for :func:`torch.export.load`.

    The program takes the tensors of :func:`export_arguments` by name, in any numbers of flows,
    links and edges, on a CPU, and gives a dictionary with the fields of
    :class:`~m4graph.nn.StepOutput`. Before the file appears, the program is compared with the model
    on graphs of other sizes. Its extra file ``m4graph.json`` names the features, the shapes, the
    model's configuration, and the versions that made it.

    .. code-block:: python

        extra = {"m4graph.json": ""}
        step = torch.export.load("model.pt2", extra_files=extra).module()
        output = step(flow_x=..., ...)      # {"log_slowdown": ..., "flow_state": ..., ...}

    Args:
        model (FlowLinkModel): The model, of any mode; the program is that of ``eval()``.
        path (str or Path): The file.

    Raises:
        ConfigError: If the model is another one, its layer or a head has no name in a registry, or
            torch.export cannot follow one of them.
        InputError: If the file's name does not end in ``.pt2``, or it cannot be written.
    """
    path = Path(path)
    if not isinstance(model, FlowLinkModel):
        raise ConfigError(f"model: expected a FlowLinkModel (got a {type(model).__name__})")
    if path.suffix != ".pt2" or not path.parent.is_dir():
        raise InputError(f"{path}: expected a file ending in .pt2, in a folder that exists")
    metadata = json.dumps(_metadata(model), indent=2)
    step = _Step(copy.deepcopy(model).cpu().eval())
    program = _export(step)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={METADATA: metadata})
    try:
        with whole_file(path) as half:
            half.write_bytes(buffer.getbuffer())
    except OSError as error:
        problem = error.strerror or error
        raise InputError(f"{path}: expected a file to write (got {problem})") from None


@plain_call
def export_arguments(step: EventStep, flow_state: Tensor, link_state: Tensor) -> dict[str, Tensor]:
    """What an exported program takes, from what the model takes.

    Links that an event updates and those that are only read are tensors of their own, so that their
    numbers are sizes and not values.

    Shapes:
        - ``flow_state`` ``[num_flows, hidden]``, ``link_state`` ``[num_links, hidden]``
        - ``flow_x``, ``flow_gap``, ``flow_state``: ``[num_flows, ...]``
        - ``link_x``, ``link_gap``, ``link_state``: ``[num_updated, ...]``
        - ``read_x``, ``read_state``: ``[num_read, ...]``
        - ``crosses`` int64 ``[2, num_crosses]``, ``crosses_x``; ``crossed_by`` int64
          ``[2, num_crossed_by]``, ``crossed_by_x``: as in :class:`~m4graph.graph.EventStep`; links
          that are only read come behind the updated ones
    """
    updated = step.num_updated
    return {
        "flow_x": step.flow_x,
        "flow_gap": step.flow_gap,
        "flow_state": flow_state,
        "link_x": step.link_x[:updated],
        "link_gap": step.link_gap[:updated],
        "link_state": link_state[:updated],
        "read_x": step.link_x[updated:],
        "read_state": link_state[updated:],
        "crosses": step.crosses,
        "crosses_x": step.crosses_x,
        "crossed_by": step.crossed_by,
        "crossed_by_x": step.crossed_by_x,
    }


class _Step(nn.Module):
    """A model that takes the tensors of :func:`export_arguments`."""

    def __init__(self, model: FlowLinkModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        flow_x: Tensor,
        flow_gap: Tensor,
        flow_state: Tensor,
        link_x: Tensor,
        link_gap: Tensor,
        link_state: Tensor,
        read_x: Tensor,
        read_state: Tensor,
        crosses: Tensor,
        crosses_x: Tensor,
        crossed_by: Tensor,
        crossed_by_x: Tensor,
    ) -> dict[str, Any]:
        step = EventStep(
            flow_ids=flow_gap,  # the model does not read ids, nor gaps of links that are only read
            flow_x=flow_x,
            flow_gap=flow_gap,
            link_ids=link_gap,
            link_x=torch.cat((link_x, read_x)),
            link_gap=link_gap,
            # Of the same tensor as the states: torch.export knows that what is left is read_state.
            num_updated=link_state.size(0),
            crosses=crosses,
            crosses_x=crosses_x,
            crossed_by=crossed_by,
            crossed_by_x=crossed_by_x,
        )
        output = self.model(step, flow_state, torch.cat((link_state, read_state)))
        return dict(output._asdict())


def _export(step: _Step) -> ExportedProgram:
    """Traces a step and checks the program on other sizes."""
    shapes = _shapes(step.model)
    names = {size for shape in shapes.values() for size in shape if isinstance(size, str)}
    dims = {name: Dim(name, min=0) for name in sorted(names)}
    dynamic = {
        name: {axis: dims[size] for axis, size in enumerate(shape) if isinstance(size, str)}
        for name, shape in shapes.items()
    }
    try:
        with torch.no_grad():
            program = torch.export.export(
                step, (), _example(step.model, *_TRACED), dynamic_shapes=dynamic, strict=False
            )
            exported = program.module()
            for sizes in _CHECKED:
                arguments = _example(step.model, *sizes)
                torch.testing.assert_close(exported(**arguments), step(**arguments))
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"model with conv {conv_name(step.model.conv)!r}: expected layers that torch.export "
            f"can follow for any number of flows and links (got {type(error).__name__}: {reason})"
        ) from error
    return program


def _shapes(model: FlowLinkModel) -> dict[str, tuple[int | str, ...]]:
    """The shape of each input; names stand for sizes that may be any."""
    hidden, num_edge_features = model.hidden_channels, len(EDGE_FEATURES)
    return {
        "flow_x": ("num_flows", model.flow_channels),
        "flow_gap": ("num_flows",),
        "flow_state": ("num_flows", hidden),
        "link_x": ("num_updated", model.link_channels),
        "link_gap": ("num_updated",),
        "link_state": ("num_updated", hidden),
        "read_x": ("num_read", model.link_channels),
        "read_state": ("num_read", hidden),
        "crosses": (2, "num_crosses"),
        "crosses_x": ("num_crosses", num_edge_features),
        "crossed_by": (2, "num_crossed_by"),
        "crossed_by_x": ("num_crossed_by", num_edge_features),
    }


def _example(
    model: FlowLinkModel, num_flows: int, num_updated: int, num_read: int
) -> dict[str, Tensor]:
    """Some graph: each flow crosses an updated link and one that is read, the first one more."""
    flows = torch.arange(num_flows)
    one_more = flows[: num_updated - 1][:1]
    crosses = torch.stack(
        (torch.cat((flows, one_more)), torch.cat((flows % num_updated, one_more + 1)))
    )
    reads = flows[: num_flows * min(num_read, 1)]
    read = torch.stack((num_updated + reads % max(num_read, 1), reads))
    crossed_by = torch.cat((crosses.flip(0), read), 1)
    sizes = {
        "num_flows": num_flows,
        "num_updated": num_updated,
        "num_read": num_read,
        "num_crosses": crosses.size(1),
        "num_crossed_by": crossed_by.size(1),
    }
    made = {}
    for name, shape in _shapes(model).items():
        plain = [sizes[size] if isinstance(size, str) else size for size in shape]
        made[name] = torch.arange(1.0, 1.0 + torch.Size(plain).numel()).sin().view(plain)
    return made | {"crosses": crosses, "crossed_by": crossed_by}


def _metadata(model: FlowLinkModel) -> dict[str, Any]:
    return {
        "format_version": 1,
        "model": {"class": type(model).__name__, "config": model.config},
        "schema_version": SCHEMA_VERSION,
        "flow_features": FLOW_FEATURES,
        "link_features": LINK_FEATURES,
        "edge_features": EDGE_FEATURES,
        "inputs": _shapes(model),
        "provenance": {
            **provenance(),
            "torch": torch.__version__,
            "torch_geometric": torch_geometric.__version__,
        },
    }
