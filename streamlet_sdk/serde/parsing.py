"""Avro schema text to nodes, with every problem of the text reported at once.

Used for `.avsc` files and for the schemas that other writers publish. It is strict where the
specification lets a reader shrug: a decimal without precision is an error here, because reading
it as plain bytes would surprise its author.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.documents import default_value
from streamlet_sdk.serde.nodes import (
    MISSING,
    PRIMITIVES,
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
    branch_key,
    least_size,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
FULL_NAME: Final = re.compile(rf"{NAME.pattern}(\.{NAME.pattern})*", re.ASCII)

# The underlying types that the specification gives to each logical type that is understood here.
# Others are kept in the text and compared, but their values stay those of the underlying type.
UNDERLYING: Final[Mapping[str, tuple[str, ...]]] = {
    "uuid": ("string", "fixed"),
    "decimal": ("bytes", "fixed"),
    "date": ("int",),
    "time-millis": ("int",),
    "time-micros": ("long",),
    "timestamp-millis": ("long",),
    "timestamp-micros": ("long",),
    "local-timestamp-millis": ("long",),
    "local-timestamp-micros": ("long",),
}


def parse_schema(text: str, where: str) -> Node:
    """The nodes of a schema in Avro's JSON form.

    Args:
        text: the schema.
        where: a file or a sentence's subject, for errors.

    Raises:
        SchemaError: with all problems of the schema.
    """
    try:
        document = json.loads(text)
        parser = _Parser()
        node = parser.node(document, "", "schema")
        parser.check(node)
    except ValueError as error:
        raise SchemaError(f"{where} is not JSON: {error}") from error
    except RecursionError as error:
        raise SchemaError(f"{where} is nested too deeply") from error
    if parser.problems:
        listed = "\n".join(f"  {problem}" for problem in parser.problems)
        raise SchemaError(f"{where} is not a valid Avro schema:\n{listed}")
    return node


class _Parser:
    """Collects problems and goes on, with `null` in the place of what it cannot read."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._named: dict[str, Named] = {}
        self._defaults: list[tuple[str, Field]] = []

    def check(self, node: Node) -> None:
        """What can only be said once every name is known."""
        for path, part in self._defaults:
            try:
                default_value(part.type, part.default)
            except ValueError as error:
                self._wrong(path, f"the default does not fit: {error}")
        if not self.problems and least_size(node) is None:
            self._wrong("schema", "every value would be endless: a record contains itself")

    def _wrong(self, path: str, sentence: str) -> Primitive:
        self.problems.append(f"{path}: {sentence}")
        return Primitive("null")

    def node(self, document: Any, namespace: str, path: str) -> Node:
        match document:
            case str():
                return self._by_name(document, namespace, path)
            case list():
                return self._union(document, namespace, path)
            case {"type": str() as kind}:
                return self._object(kind, document, namespace, path)
            case {"type": dict() | list() as inner}:
                return self.node(inner, namespace, path)
            case _:
                return self._wrong(path, "a type is a name, a list or an object with 'type'")

    def _by_name(self, name: str, namespace: str, path: str) -> Node:
        if name in PRIMITIVES:
            return Primitive(name)
        qualified = f"{namespace}.{name}" if namespace and "." not in name else name
        for candidate in (qualified, name):
            if candidate in self._named:
                return self._named[candidate]
        return self._wrong(path, f"there is no type {name!r}; name a type that is defined before")

    def _union(self, document: list[Any], namespace: str, path: str) -> Node:
        branches = tuple(
            self.node(branch, namespace, f"{path}[{index}]")
            for index, branch in enumerate(document)
        )
        if any(isinstance(branch, Union) for branch in branches):
            self._wrong(path, "a union cannot contain a union")
        keys = [branch_key(branch) for branch in branches]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            self._wrong(path, f"a union cannot contain {key!r} twice")
        if not branches:
            self._wrong(path, "a union needs at least one type")
        return Union(branches)

    def _object(self, kind: str, document: dict[str, Any], namespace: str, path: str) -> Node:
        match kind:
            case "record" | "error" | "enum" | "fixed":
                return self._definition(kind, document, namespace, path)
            case "array":
                return Array(self.node(document.get("items"), namespace, f"{path}.items"))
            case "map":
                return Map(self.node(document.get("values"), namespace, f"{path}.values"))
            case _ if kind in PRIMITIVES:
                logical = self._logical(kind, document, path)
                return Primitive(kind, logical)
            case _:
                return self._by_name(kind, namespace, path)

    def _definition(self, kind: str, document: dict[str, Any], namespace: str, path: str) -> Node:
        name = self._full_name(document, namespace, path)
        inner = name.rpartition(".")[0]
        aliases = tuple(
            alias if "." in alias or not inner else f"{inner}.{alias}"
            for alias in self._names(document, "aliases", path, FULL_NAME)
        )
        if name in self._named:
            return self._wrong(path, f"the type {name!r} is defined twice")
        if kind == "enum":
            return self._symbols(name, aliases, document, path)
        if kind == "fixed":
            return self._fixed(name, aliases, document, path)
        record = Record(name, aliases=aliases)
        self._named[name] = record
        record.fields = self._fields(document, inner, path)
        return record

    def _full_name(self, document: dict[str, Any], namespace: str, path: str) -> str:
        name, space = document.get("name"), document.get("namespace", namespace)
        if not isinstance(name, str) or not FULL_NAME.fullmatch(name):
            self._wrong(path, f"{name!r} is not an Avro name (letters, digits and _)")
            return "invalid"
        if "." in name or not space:
            return name
        if not isinstance(space, str) or not FULL_NAME.fullmatch(space):
            self._wrong(path, f"{space!r} is not an Avro namespace")
            return name
        return f"{space}.{name}"

    def _names(
        self, document: dict[str, Any], key: str, path: str, pattern: re.Pattern[str]
    ) -> tuple[str, ...]:
        found = document.get(key, [])
        if not isinstance(found, list):
            self._wrong(path, f"{key!r} must be a list of names")
            return ()
        for name in found:
            if not isinstance(name, str) or not pattern.fullmatch(name):
                self._wrong(path, f"{name!r} in {key!r} is not an Avro name")
        return tuple(name for name in found if isinstance(name, str))

    def _symbols(
        self, name: str, aliases: tuple[str, ...], document: dict[str, Any], path: str
    ) -> Node:
        symbols = self._names(document, "symbols", path, NAME)
        default = document.get("default")
        if not symbols or len(set(symbols)) < len(symbols):
            self._wrong(path, "an enum needs symbols, each of them once")
        if default is not None and default not in symbols:
            self._wrong(path, f"the default {default!r} is none of the symbols")
        enum = Symbols(name, symbols, aliases, default)
        self._named[name] = enum
        return enum

    def _fixed(
        self, name: str, aliases: tuple[str, ...], document: dict[str, Any], path: str
    ) -> Node:
        size = document.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            return self._wrong(path, f"the size {size!r} is not a number of bytes")
        fixed = Fixed(name, size, aliases, self._logical("fixed", document, path))
        self._named[name] = fixed
        return fixed

    def _fields(self, document: dict[str, Any], namespace: str, path: str) -> tuple[Field, ...]:
        found = document.get("fields")
        if not isinstance(found, list):
            self._wrong(path, "a record needs 'fields', a list")
            return ()
        fields = tuple(
            self._field(part, namespace, f"{path}.fields[{index}]")
            for index, part in enumerate(found)
        )
        names = [part.name for part in fields]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._wrong(path, f"the field {name!r} is there twice")
        return fields

    def _field(self, document: Any, namespace: str, path: str) -> Field:
        name = document.get("name") if isinstance(document, dict) else None
        if not isinstance(name, str) or not NAME.fullmatch(name):
            self._wrong(path, f"{name!r} is not an Avro name (letters, digits and _)")
            return Field("invalid", Primitive("null"))
        part = Field(
            name,
            self.node(document.get("type"), namespace, f"{path}.type"),
            self._names(document, "aliases", path, NAME),
            document.get("default", MISSING),
            attribute=name,
            accepted=name,
        )
        if part.default is not MISSING:
            self._defaults.append((path, part))
        return part

    def _logical(self, kind: str, document: dict[str, Any], path: str) -> Logical | None:
        name = document.get("logicalType")
        if not isinstance(name, str) or kind not in UNDERLYING.get(name, (kind,)):
            return None
        if name == "uuid" and kind == "fixed" and document.get("size") != _UUID_SIZE_BYTES:
            return None
        if name != "decimal":
            return Logical(name)
        return self._decimal(document, path)

    def _decimal(self, document: dict[str, Any], path: str) -> Logical | None:
        precision, scale = document.get("precision"), document.get("scale", 0)
        if isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision >= 1:
            return Logical("decimal", precision, scale)
        self._wrong(path, "a decimal needs a precision of at least its scale and 1")
        return None


_UUID_SIZE_BYTES: Final = 16
