"""Making values inside an ONNX model its outputs, without the `onnx` package.

A model is one protocol buffer message, and two messages joined byte by byte mean their merge: lists are appended, messages
within are merged (Protocol Buffers, "Encoding: Last One Wins"). So behind the model goes a message that holds nothing but more
entries of ModelProto.graph (field 7) .output (field 12), each a ValueInfoProto with its name (field 1); the runtime infers
types and shapes.
"""

from __future__ import annotations

from collections.abc import Sequence

_GRAPH, _OUTPUT, _NAME = 7, 12, 1
_BYTES = 2
"""The wire type of what has a length."""


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The model with the named values among its outputs. Whether they exist, the runtime says when it loads it."""
    outputs = b"".join(_field(_OUTPUT, _field(_NAME, name.encode())) for name in names)
    return model + _field(_GRAPH, outputs)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
