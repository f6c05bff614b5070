"""Avro schemas of Python types: pydantic models and what their fields may hold.

`docs/concepts/schemas.md` lists the types and says why each is written as it is. A type that
Avro cannot describe is a problem; all problems of a port's type are reported together.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, RootModel
from typing_extensions import TypeAliasType

from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde.documents import Style, to_document
from streamlet_sdk.serde.fitting import branch_index, fits
from streamlet_sdk.serde.marker import Avro
from streamlet_sdk.serde.modelfields import ModelField, field_marker, model_fields, unwritten
from streamlet_sdk.serde.nodes import (
    MISSING,
    Array,
    Field,
    Logical,
    Map,
    Node,
    Primitive,
    Record,
    Symbols,
    Union,
    branch_key,
    least_size,
)
from streamlet_sdk.serde.parsing import FULL_NAME, NAME

_NO_MARKER: Final = Avro()
_ARRAYS: Final[Mapping[Any, type]] = {
    list: list,
    Sequence: list,
    MutableSequence: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    AbstractSet: set,
}
_MAPS: Final = (dict, Mapping, MutableMapping)
_UNIONS: Final = (typing.Union, types.UnionType)
_SUPPORTED: Final = (
    "use bool, int, float, str, bytes, UUID, datetime, date, time, Decimal, an enum, a pydantic "
    "model, or a list, set, dict or union of these"
)


def derive(type_: Any, *, is_lenient: bool = False) -> Node:
    """The Avro schema of a Python type, bound to its classes.

    Args:
        type_: a pydantic model, or a type that one's field could have.
        is_lenient: a schema file says the details, so a Decimal needs no precision here.

    Raises:
        SchemaError: with every part of the type that Avro cannot describe.
    """
    derivation = _Derivation(is_lenient=is_lenient)
    name = getattr(type_, "__name__", str(type_))
    try:
        node = derivation.node(type_, name, _NO_MARKER)
    except RecursionError as error:
        raise SchemaError(f"{name} is nested too deeply for Avro") from error
    derivation.finish()
    if not derivation.problems and least_size(node) is None:
        derivation.problems.append(
            f"{name}: every value would be endless; make the part that is the same model optional"
        )
    if derivation.problems:
        listed = "\n".join(f"  {problem}" for problem in derivation.problems)
        raise SchemaError(f"{name} cannot be described in Avro:\n{listed}")
    return node


def class_name(class_: type) -> str:
    """The Avro name of a class without one of its own: `Box_int` for `Box[int]`."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", class_.__name__).strip("_")


class _Derivation:
    """Collects problems and goes on, with `null` in the place of what it cannot describe."""

    def __init__(self, *, is_lenient: bool) -> None:
        self.problems: list[str] = []
        self._is_lenient = is_lenient
        self._classes: dict[type, Record | Symbols] = {}
        self._names: dict[str, type] = {}
        self._defaults: list[Callable[[], None]] = []

    def finish(self) -> None:
        """Describe the defaults, which may be instances of any class described before."""
        for describe in self._defaults:
            describe()

    def _wrong(self, path: str, sentence: str) -> Node:
        self.problems.append(f"{path}: {sentence}")
        return Primitive("null")

    def node(self, type_: Any, path: str, marker: Avro) -> Node:
        """The schema of a type; `marker` holds for the parts of the type that it suits."""
        type_, marker = _unwrapped(type_, marker)
        origin, parts = get_origin(type_) or type_, get_args(type_)
        if origin in _UNIONS:
            return self._union(parts, path, marker)
        if origin is Literal:
            return self._union(tuple(dict.fromkeys(map(type, parts))), path, marker)
        if origin in _ARRAYS:
            return self._array(_ARRAYS[origin], parts, path, marker)
        if origin in _MAPS:
            return self._map(parts, path, marker)
        return self._whole(type_, path, marker)

    def _whole(self, type_: Any, path: str, marker: Avro) -> Node:
        """The schema of a type that is not made of others."""
        if isinstance(type_, type):
            return self._class(type_, path, marker)
        if isinstance(type_, TypeVar):
            return self._wrong(path, f"{type_} is open; give the generic model its types")
        return self._wrong(path, f"{type_} has no Avro type; {_SUPPORTED}")

    def _union(self, parts: tuple[Any, ...], path: str, marker: Avro) -> Node:
        branches: dict[str, Node] = {}
        for part in parts:
            node = self.node(part, path, marker)
            for branch in node.branches if isinstance(node, Union) else (node,):
                key = branch_key(branch)
                if branches.setdefault(key, branch) is not branch and key != "null":
                    self._wrong(path, f"two types of the union are both written as {key}")
        # `null` goes first, as everybody writes optional fields; a default may change that.
        ordered = sorted(branches.values(), key=lambda branch: branch_key(branch) != "null")
        return ordered[0] if len(ordered) == 1 else Union(tuple(ordered))

    def _array(self, container: type, items: tuple[Any, ...], path: str, marker: Avro) -> Node:
        kinds = [item for item in items if item is not Ellipsis]
        if not kinds or any(kind != kinds[0] for kind in kinds):
            return self._wrong(path, "the items need one type: list[…], or tuple[…, ...]")
        return Array(self.node(kinds[0], f"{path}[]", marker), container)

    def _map(self, parts: tuple[Any, ...], path: str, marker: Avro) -> Node:
        if not parts:
            return self._wrong(path, "the values need a type: dict[str, …]")
        key, _ = _unwrapped(parts[0], _NO_MARKER)
        if key is not str:
            return self._wrong(path, "the keys of an Avro map are text: use dict[str, …]")
        return Map(self.node(parts[1], f"{path}{{}}", marker))

    def _class(self, class_: type, path: str, marker: Avro) -> Node:
        if issubclass(class_, BaseModel):
            return self._model(class_, path)
        if issubclass(class_, Enum):
            return self._enum(class_, path)
        if issubclass(class_, Decimal):
            return self._decimal(path, marker)
        if class_.__module__.startswith("pydantic."):
            class_ = _PYDANTIC.get(class_.__name__, class_)
        if class_ in _TEMPORAL:
            return self._temporal(_TEMPORAL[class_], path, marker)
        return self._plain(class_, path)

    def _plain(self, class_: type, path: str) -> Node:
        for known, node in _PLAIN:
            if issubclass(class_, known):
                return Primitive(node.kind, node.logical)
        if class_.__module__ == "pydantic.networks":
            return Primitive("string", python=class_)
        return self._wrong(path, f"{class_.__name__} has no Avro type; {_SUPPORTED}")

    def _temporal(self, names: tuple[str, ...], path: str, marker: Avro) -> Node:
        name = marker.logical if marker.logical in names else names[0]
        if marker.logical is not None and marker.logical not in _ALL_TEMPORAL:
            self._wrong(path, f"{marker.logical!r} is none of {', '.join(_ALL_TEMPORAL)}")
        return Primitive("int" if name in ("date", "time-millis") else "long", Logical(name))

    def _decimal(self, path: str, marker: Avro) -> Node:
        if self._is_lenient:
            return Primitive("bytes", Logical("decimal", 1))
        precision, scale = marker.precision, marker.scale
        if precision is None or scale is None:
            return self._wrong(
                path,
                "a Decimal needs its digits: Annotated[Decimal, Avro(precision=…, scale=…)]",
            )
        if not 0 <= scale <= precision or precision < 1:
            return self._wrong(path, "the precision must be at least 1 and at least the scale")
        return Primitive("bytes", Logical("decimal", precision, scale))

    def _named(self, class_: type, path: str) -> tuple[str, Avro]:
        inherited = getattr(class_, "__avro__", _NO_MARKER)
        own = vars(class_).get("__avro__", _NO_MARKER)
        if not isinstance(inherited, Avro) or not isinstance(own, Avro):
            self._wrong(path, f"{class_.__name__}.__avro__ must be an Avro(…)")
            return class_name(class_), _NO_MARKER
        name = own.name or class_name(class_)
        full = f"{inherited.namespace}.{name}" if inherited.namespace else name
        if not FULL_NAME.fullmatch(full):
            self._wrong(path, f"{full!r} is not an Avro name; set __avro__ = Avro(name=…)")
        other = self._names.setdefault(full, class_)
        if other is not class_:
            self._wrong(
                path,
                f"{class_.__module__}.{class_.__qualname__} and "
                f"{other.__module__}.{other.__qualname__} would both be {full!r}; "
                "give one of them __avro__ = Avro(namespace=…)",
            )
        return full, own

    def _aliases(self, full: str, marker: Avro) -> tuple[str, ...]:
        space = full.rpartition(".")[0]
        return tuple(
            alias if "." in alias or not space else f"{space}.{alias}" for alias in marker.aliases
        )

    def _enum(self, class_: type[Enum], path: str) -> Node:
        if issubclass(class_, int):
            return Primitive("long", python=class_)
        if class_ in self._classes:
            return self._classes[class_]
        name, marker = self._named(class_, path)
        values = [member.value for member in class_]
        wrong = [v for v in values if not isinstance(v, str) or not NAME.fullmatch(v)]
        if wrong or not values:
            return self._wrong(
                path,
                f"the values of {class_.__name__} must be Avro names (letters, digits and _), "
                f"and {', '.join(map(repr, wrong)) or 'no value at all'} is not; "
                "change them, or use an IntEnum or str",
            )
        if marker.default is not None and marker.default not in values:
            self._wrong(path, f"the default {marker.default!r} is no value of {class_.__name__}")
        members = {member.value: member for member in class_}
        node = Symbols(name, tuple(values), self._aliases(name, marker), marker.default, members)
        self._classes[class_] = node
        return node

    def _model(self, model: type[BaseModel], path: str) -> Node:
        if model in self._classes:
            return self._classes[model]
        name, marker = self._named(model, path)
        node = Record(name, aliases=self._aliases(name, marker), model=model)
        self._classes[model] = node
        if issubclass(model, RootModel):
            return self._wrong(path, f"{model.__name__} is a RootModel; use its root's type")
        if model.model_config.get("extra") == "allow":
            self._wrong(path, f"{model.__name__} allows undeclared fields, and Avro cannot")
        for attribute in unwritten(model):
            self._wrong(f"{path}.{attribute}", "it is excluded, so it needs a default")
        node.fields = tuple(self._field(part, path) for part in model_fields(model))
        names = [part.name for part in node.fields]
        for twice in sorted({name for name in names if names.count(name) > 1}):
            self._wrong(path, f"two fields have the name {twice!r}")
        return node

    def _field(self, part: ModelField, path: str) -> Field:
        here = f"{path}.{part.attribute}"
        for name in (part.name, *part.marker.aliases):
            if not NAME.fullmatch(name):
                self._wrong(here, f"{name!r} is not an Avro name (letters, digits and _)")
        if part.accepted is None:
            self._wrong(here, "validation takes it by a path only; give it an alias")
        field = Field(
            part.name,
            self.node(part.annotation, here, part.marker),
            part.marker.aliases,
            attribute=part.attribute,
            accepted=part.accepted or part.attribute,
            is_strict=part.is_strict,
        )
        if part.default is not MISSING:
            self._defaults.append(partial(_describe_default, field, part.default))
        return field


def _describe_default(field: Field, value: Any) -> None:
    """Give the field the default in Avro's form; one that does not fit is left to pydantic."""
    if not fits(field.type, value):
        return
    if isinstance(field.type, Union):
        # Readers of older versions of the specification take a default for the first branch's.
        first = field.type.branches[branch_index(field.type, value) or 0]
        rest = tuple(branch for branch in field.type.branches if branch is not first)
        field.type.branches = (first, *rest)
    try:
        field.default = to_document(field.type, value, Style.DEFAULT)
    except ValueError:
        return  # NaN and infinity, which JSON lacks


def _unwrapped(type_: Any, marker: Avro) -> tuple[Any, Avro]:
    """The type below `Annotated`, `NewType` and `type X = …`, and what they say of Avro."""
    while True:
        if get_origin(type_) is Annotated:
            type_, *metadata = get_args(type_)
            marker = field_marker(metadata, marker)
        elif isinstance(type_, NewType):
            type_ = type_.__supertype__
        elif isinstance(type_, _ALIASES):
            type_ = type_.__value__
        else:
            return type_, marker


_ALIASES: Final = tuple(
    {TypeAliasType, getattr(typing, "TypeAliasType", TypeAliasType)}
)  # typing's own since 3.12
_DATETIME: Final = (
    "timestamp-micros",
    "timestamp-millis",
    "local-timestamp-micros",
    "local-timestamp-millis",
)
_TIME: Final = ("time-micros", "time-millis")
_ALL_TEMPORAL: Final = (*_DATETIME, *_TIME)
_TEMPORAL: Final[Mapping[type, tuple[str, ...]]] = {
    datetime: _DATETIME,
    time: _TIME,
    date: ("date",),
}
_PLAIN: Final[tuple[tuple[type, Primitive], ...]] = (
    (type(None), Primitive("null")),
    (bool, Primitive("boolean")),
    (int, Primitive("long")),
    (float, Primitive("double")),
    (str, Primitive("string")),
    (bytes, Primitive("bytes")),
    (UUID, Primitive("string", Logical("uuid"))),
)
# pydantic's own names for types with a constraint, which are classes of their own at run time.
_PYDANTIC: Final[Mapping[str, type]] = {
    "AwareDatetime": datetime,
    "PastDatetime": datetime,
    "FutureDatetime": datetime,
    "PastDate": date,
    "FutureDate": date,
    "EmailStr": str,
}
