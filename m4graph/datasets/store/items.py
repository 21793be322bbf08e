"""Graphs as safetensors: many in one file, each read by itself, and no pickle anywhere.

Every field of all graphs together is one flat array with the shape of each graph's part, so that
one graph is a few slices of a file that is mapped into memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from m4graph.core.errors import InputError
from m4graph.core.files import whole_file
from m4graph.datasets.store.run_data import RunData

NUM_NODES = "num_nodes"
"""The tensor that every processed file has: nodes of each of its graphs, int64 ``[num_items]``."""

Tensors = dict[str, Tensor]
Graph: TypeAlias = "Data | HeteroData"

_CLASSES: dict[str, type[Graph]] = {"RunData": RunData, "HeteroData": HeteroData, "Data": Data}
_LAYOUT = "layout"
_MAX_SIZE = 2**31 - 1
_NUMBERS: dict[type, torch.dtype] = {bool: torch.bool, int: torch.int64, float: torch.float64}


@dataclass(frozen=True)
class Field:
    """A field of all graphs of a file.

    Args:
        store (list): Names of its node type or edge type; none for the graph's own.
        name (str): Its name there.
        is_number (bool): A Python number, not a tensor.
    """

    store: tuple[str, ...]
    name: str
    is_number: bool

    @property
    def key(self) -> str:
        """Its name in the file."""
        return " ".join((*self.store, self.name))


class StoredItems:
    """Graphs of one file; reading one copies its slices.

    Args:
        tensors (dict): Of the file, as :func:`pack_items` gave them.
        metadata (Mapping): The file's.
    """

    def __init__(self, tensors: Tensors, metadata: Mapping[str, str]) -> None:
        layout = json.loads(metadata[_LAYOUT])
        self._class = _CLASSES[layout["class"]]
        self._fields = [Field(tuple(store), *rest) for store, *rest in layout["fields"]]
        self._tensors = tensors
        self._ptr = {
            field.key: [0, *tensors[_shape(field)].prod(1).cumsum(0).tolist()]
            for field in self._fields
            if not field.is_number
        }
        for field in self._fields:
            self._check(field)

    def __getitem__(self, index: int) -> Graph:
        item = self._class()
        for field in self._fields:
            store = item[_store_key(field.store)] if field.store else item
            setattr(store, field.name, self._value(field, index))
        return item

    def _check(self, field: Field) -> None:
        """Refuses a field whose shapes are not those of its values."""
        values, num_items = self._tensors[field.key], len(self._tensors[NUM_NODES])
        if field.is_number:
            good = values.shape == (num_items,)
        else:
            shapes = self._tensors[_shape(field)]
            inside = bool(((shapes >= 0) & (shapes <= _MAX_SIZE)).all())
            good = inside and (len(shapes), self._ptr[field.key][-1]) == (num_items, len(values))
        if not good:
            raise InputError(f"{field.key}: expected the values of {num_items} graphs (got others)")

    def _value(self, field: Field, index: int) -> Any:
        values = self._tensors[field.key]
        if field.is_number:
            return values[index].item()
        start, end = self._ptr[field.key][index : index + 2]
        return values[start:end].clone().view(self._tensors[_shape(field)][index].tolist())


def pack_items(items: Sequence[Graph]) -> tuple[Tensors, dict[str, str]]:
    """What :class:`StoredItems` reads: tensors, and metadata.

    Args:
        items (list): Graphs of one class with the same fields, all tensors or numbers.

    Raises:
        InputError: If they are something else; names the field.
    """
    if not items:
        layout: dict[str, Any] = {"class": "Data", "fields": []}
        return {NUM_NODES: torch.zeros(0, dtype=torch.int64)}, {_LAYOUT: json.dumps(layout)}
    name = _class_name(items[0])
    rows = [_fields_of(item) for item in items]
    fields = list(rows[0])
    tensors: Tensors = {}
    for field in fields:
        tensors |= _packed(field, [_take(row, field, len(fields)) for row in rows])
    tensors[NUM_NODES] = torch.tensor([item.num_nodes for item in items])
    stored = [[field.store, field.name, field.is_number] for field in fields]
    return tensors, {_LAYOUT: json.dumps({"class": name, "fields": stored})}


def save_tensors(path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
    """Writes a processed file, which appears whole or not at all."""
    with whole_file(path) as half:
        # Its own writer of files leaves half ones of other names behind where it is killed.
        half.write_bytes(save({key: each.contiguous() for key, each in tensors.items()}, metadata))


def map_tensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Maps a processed file into memory: what is not looked at is not read.

    Raises:
        InputError: If the file is missing or damaged.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())


def read_metadata(path: Path) -> tuple[dict[str, str], int]:
    """Reads the metadata of a processed file, and how many graphs it has, and nothing else.

    Raises:
        InputError: If the file is missing or damaged.
    """
    with _opened(path) as file:
        return dict(file.metadata()), int(file.get_slice(NUM_NODES).get_shape()[0])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "pt") as file:
            yield file
    # A TypeError: there is no metadata; an IndexError: a tensor without dimensions.
    except (OSError, TypeError, IndexError, ValueError, SafetensorError) as error:
        raise InputError(f"{path}: expected a processed run (got {error})") from None


def _class_name(item: object) -> str:
    for name, cls in _CLASSES.items():
        if isinstance(item, cls):
            return name
    raise InputError(
        f"pre_transform: expected it to give a Data or a HeteroData (got {type(item).__name__})"
    )


def _fields_of(item: Graph) -> dict[Field, Any]:
    found = {}
    for store in item.stores:
        key = getattr(store, "_key", None)
        names = () if key is None else (key,) if isinstance(key, str) else tuple(key)
        for name, value in store.items():
            found[Field(names, name, type(value) in _NUMBERS)] = value
    return found


def _take(row: dict[Field, Any], field: Field, num_fields: int) -> Any:
    if field not in row or len(row) != num_fields:
        raise InputError(
            f"pre_transform: expected graphs with the same fields (got one with "
            f"{len(row)} and one with {num_fields}, or without {field.key!r})"
        )
    return row[field]


def _packed(field: Field, values: list[Any]) -> Tensors:
    if field.is_number:
        return {field.key: torch.tensor(values, dtype=_NUMBERS[type(values[0])])}
    kinds = {_kind(value) for value in values}
    if len(kinds) > 1 or not isinstance(values[0], Tensor):
        raise InputError(
            f"{field.key}: expected tensors of one type, or numbers, to store "
            f"(got {' and '.join(sorted(kinds))})"
        )
    shapes = torch.tensor([list(value.shape) for value in values], dtype=torch.int64)
    return {
        field.key: torch.cat([value.reshape(-1) for value in values]),
        _shape(field): shapes.reshape(len(values), values[0].dim()),
    }


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a {value.dim()}-dimensional tensor of {value.dtype}"
    return type(value).__name__


def _shape(field: Field) -> str:
    return f"{field.key} shape"


def _store_key(names: tuple[str, ...]) -> str | tuple[str, ...]:
    return names[0] if len(names) == 1 else names
