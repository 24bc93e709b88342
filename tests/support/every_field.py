"""A ModelProto in which every field of every message is set, unknown fields included."""

from __future__ import annotations

from typing import Any

import onnx
from google.protobuf.descriptor import Descriptor, FieldDescriptor

# Field 999 is in no message: a varint, a string, eight bytes, four bytes, and a group.
UNKNOWN = b"\xb8\x3e\x2a" + b"\xba\x3e\x03abc" + b"\xb9\x3e12345678" + b"\xbd\x3e1234"
UNKNOWN += b"\xbb\x3e\x08\x07\xbc\x3e"

_NUMBERS: dict[int, Any] = {
    FieldDescriptor.TYPE_FLOAT: 1.5,
    FieldDescriptor.TYPE_DOUBLE: -2.25,
    FieldDescriptor.TYPE_INT64: -7,
    FieldDescriptor.TYPE_INT32: -3,
    FieldDescriptor.TYPE_UINT64: 2**63 + 1,
    FieldDescriptor.TYPE_BYTES: b"\x00\xff bytes",
}


def model(variant: int, depth: int = 9) -> onnx.ModelProto:
    """`variant` chooses among the alternatives of each oneof and among attribute types."""
    out = onnx.ModelProto()
    out.ParseFromString(_message(onnx.ModelProto.DESCRIPTOR, variant, depth))
    return out


def _message(kind: Descriptor, variant: int, depth: int) -> bytes:
    """The message with all fields, and the unknown ones at its end."""
    made = onnx.__dict__.get(kind.name, None)
    proto = made() if made and made.DESCRIPTOR is kind else _instance(kind)
    for field in kind.fields:
        if not _chosen(field, variant):
            continue
        values = [_value(field, variant + i, depth) for i in range(2 if field.is_repeated else 1)]
        if any(value is None for value in values):
            continue
        if field.message_type and field.is_repeated:
            for value in values:
                getattr(proto, field.name).add().ParseFromString(value)
        elif field.message_type:
            getattr(proto, field.name).ParseFromString(values[0])
            getattr(proto, field.name).SetInParent()
        elif field.is_repeated:
            getattr(proto, field.name).extend(values)
        else:
            setattr(proto, field.name, values[0])
    if isinstance(proto, onnx.TensorProto):
        proto.data_location = onnx.TensorProto.DEFAULT  # external data would have to exist
    return proto.SerializeToString() + UNKNOWN


def _instance(kind: Descriptor) -> Any:
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(kind)()


def _chosen(field: FieldDescriptor, variant: int) -> bool:
    alternatives = field.containing_oneof.fields if field.containing_oneof else [field]
    return alternatives[variant % len(alternatives)] is field


def _value(field: FieldDescriptor, variant: int, depth: int) -> Any:
    if field.message_type:
        return _message(field.message_type, variant, depth - 1) if depth > 0 else None
    if field.enum_type:
        numbers = field.enum_type.values
        return numbers[variant % len(numbers)].number
    if field.type == FieldDescriptor.TYPE_STRING:
        return f"{field.name} {variant}"
    return _NUMBERS[field.type]
