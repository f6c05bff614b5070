"""An Avro schema as text: with everything that matters, in parsing canonical form, as fingerprint.

The canonical form and its fingerprint are fastavro's.

https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas
"""

from __future__ import annotations

import json
from typing import Any, Final

import fastavro.schema

from streamlet_sdk.serde.nodes import (
    MISSING,
    Array,
    Field,
    Fixed,
    Logical,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
)

MARKER: Final = b"\xc3\x01"
HEADER_SIZE_BYTES: Final = 10


def fingerprint(node: Node) -> str:
    """The CRC-64-AVRO of the canonical form: 16 hexadecimal digits, in the order of the wire."""
    return fastavro.schema.fingerprint(canonical_form(node), "CRC-64-AVRO")


def header(schema_fingerprint: str) -> bytes:
    """What begins a datum in single-object encoding: the marker, the fingerprint."""
    return MARKER + bytes.fromhex(schema_fingerprint)


def header_fingerprint(data: bytes) -> str:
    """The fingerprint in the first ten bytes of a datum in single-object encoding."""
    return data[len(MARKER) : HEADER_SIZE_BYTES].hex()


def canonical_form(node: Node) -> str:
    """The parsing canonical form: equal for schemas whose data look alike to a parser."""
    return fastavro.schema.to_parsing_canonical_form(json.loads(schema_text(node)))


def schema_text(node: Node) -> str:
    """The schema as JSON with logical types, aliases and defaults; deterministic."""
    return _dumps(_Writer().document(node, ""))


def _dumps(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class _Writer:
    """Writes each named type once, where it comes first, and by its name after that."""

    def __init__(self) -> None:
        self._written: set[str] = set()

    def document(self, node: Node, namespace: str) -> Any:
        match node:
            case Primitive():
                return _with_logical(node.kind, node.logical)
            case Array():
                return {"type": "array", "items": self.document(node.items, namespace)}
            case Map():
                return {"type": "map", "values": self.document(node.values, namespace)}
            case Union():
                return [self.document(branch, namespace) for branch in node.branches]
            case _ if node.name in self._written:
                return node.name
            case _:
                self._written.add(node.name)
                return _definition(self, node, namespace)


def _with_logical(kind: str, logical: Logical | None) -> Any:
    return kind if logical is None else {"type": kind, **logical_attributes(logical)}


def _definition(writer: _Writer, node: Named, namespace: str) -> dict[str, Any]:
    named: dict[str, Any] = {"name": node.name}
    if namespace and "." not in node.name:
        named["namespace"] = ""  # else a reader would add the enclosing one
    if node.aliases:
        named["aliases"] = list(node.aliases)
    match node:
        case Fixed():
            extra = {} if node.logical is None else logical_attributes(node.logical)
            return {**named, "type": "fixed", "size": node.size, **extra}
        case Symbols():
            default = {} if node.default is None else {"default": node.default}
            return {**named, "type": "enum", "symbols": list(node.symbols), **default}
        case Record():
            inner = _namespace(node.name)
            fields = [_field(writer, part, inner) for part in node.fields]
            return {**named, "type": "record", "fields": fields}


def _field(writer: _Writer, part: Field, namespace: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": part.name,
        "type": writer.document(part.type, namespace),
    }
    if part.aliases:
        document["aliases"] = list(part.aliases)
    if part.default is not MISSING:
        document["default"] = part.default
    return document


def logical_attributes(logical: Logical) -> dict[str, Any]:
    """The attributes that a logical type adds to its underlying type."""
    if logical.precision is None:
        return {"logicalType": logical.name}
    return {
        "logicalType": logical.name,
        "precision": logical.precision,
        "scale": logical.scale,
    }


def _namespace(name: str) -> str:
    return name.rpartition(".")[0]
