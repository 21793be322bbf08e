"""The messages of Chakra execution traces, made from their field numbers: no generated files.

The schema is MLCommons' ``et_def.proto`` (github.com/mlcommons/chakra), of which fields that are
not needed are left out; protobuf skips them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from m4graph.core.errors import WorkloadError

_SCALARS = {
    "double": 3, "float": 5, "int32": 7, "int64": 9, "uint32": 11, "uint64": 13, "sint32": 15,
    "sint64": 17, "fixed32": 19, "fixed64": 21, "sfixed32": 23, "sfixed64": 25, "bool": 27,
    "string": 29, "bytes": 31,
}  # fmt: skip

_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "AttributeProto": {"name": (1, "string")}
    | {f"{kind}_val": (number, kind) for kind, number in _SCALARS.items()},
    "IOInfo": {"values": (1, "string")},
    "GlobalMetadata": {"version": (1, "string"), "attr": (2, "*AttributeProto")},
    "Node": {
        "id": (1, "uint64"),
        "name": (2, "string"),
        "type": (3, "int32"),
        "data_deps": (5, "*uint64"),
        "duration_micros": (7, "uint64"),
        "inputs": (8, "IOInfo"),
        "attr": (10, "*AttributeProto"),
    },
}
"""Fields by name: number and type; ``*`` stands for repeated ones."""


@cache
def messages() -> dict[str, Any]:
    """The classes of the messages by name.

    Raises:
        WorkloadError: If ``protobuf`` is not installed.
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise WorkloadError(
            "chakra: expected protobuf to be installed, as by pip install m4graph[chakra] "
            "(got none)"
        ) from None
    package = "m4graph.chakra"
    file = descriptor_pb2.FileDescriptorProto(name="m4graph_chakra.proto", package=package)
    field_types = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            plain = kind.removeprefix("*")
            added = message.field.add(
                name=field,
                number=number,
                label=field_types.LABEL_REPEATED if kind[0] == "*" else field_types.LABEL_OPTIONAL,
            )
            if plain in _MESSAGES:
                added.type = field_types.TYPE_MESSAGE
                added.type_name = f".{package}.{plain}"
            else:
                added.type = getattr(field_types, f"TYPE_{plain.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in _MESSAGES
    }
