"""What a pydantic model says of its fields, as `derivation` needs it.

It knows how pydantic keeps aliases, constraints and defaults, and nothing about Avro's types.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from streamlet_sdk.serde.marker import Avro
from streamlet_sdk.serde.nodes import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CLASS_FACTORIES: Final = (list, dict, set, frozenset, tuple, str, bytes, int, float, bool)
_INSTANTS: Final = (date, datetime, time, UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelField:
    """A field of a model that is written.

    Attributes:
        attribute: its name in Python.
        name: its name for others: the alias if there is one.
        accepted: the key under which validation takes it; None when there is none.
        annotation: its type, without what `marker` says.
        default: a Python value, or `MISSING`.
        is_strict: validation takes nothing but instances of the right class.
    """

    attribute: str
    name: str
    accepted: str | None
    annotation: Any
    marker: Avro
    default: Any
    is_strict: bool


def model_fields(model: type[BaseModel]) -> Iterator[ModelField]:
    """The fields of `model` that are written, in order; those with `exclude=True` are not."""
    for attribute, info in model.model_fields.items():
        if info.exclude:
            continue
        accepted = _accepted(model, attribute, info)
        yield ModelField(
            attribute=attribute,
            name=info.serialization_alias or accepted or attribute,
            accepted=accepted,
            annotation=info.annotation,
            marker=field_marker(info.metadata, Avro()),
            default=_default(info),
            is_strict=_is_strict(model, info),
        )


def unwritten(model: type[BaseModel]) -> list[str]:
    """Required fields with `exclude=True`, which no reader could ever fill."""
    return [
        attribute
        for attribute, info in model.model_fields.items()
        if info.exclude and info.is_required()
    ]


def field_marker(metadata: Iterable[Any], outer: Avro) -> Avro:
    """What the parts of an `Annotated` say of Avro, on top of what holds around it.

    The digits that pydantic's own constraints allow a Decimal count as precision and scale.
    """
    marker = outer
    for item in metadata:
        if isinstance(item, Avro):
            marker = item
        elif isinstance(item, FieldInfo):
            marker = field_marker(item.metadata, marker)
        else:
            digits, places = (getattr(item, key, None) for key in ("max_digits", "decimal_places"))
            if digits is not None and marker.precision is None:
                marker = replace(marker, precision=digits)
            if places is not None and marker.scale is None:
                marker = replace(marker, scale=places)
    return marker


def _accepted(model: type[BaseModel], attribute: str, info: FieldInfo) -> str | None:
    config = model.model_config
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    if isinstance(alias, str) and config.get("validate_by_alias", True):
        return alias
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return attribute if info.validation_alias is None or by_name else None


def _is_strict(model: type[BaseModel], info: FieldInfo) -> bool:
    strict = bool(model.model_config.get("strict"))
    for item in info.metadata:
        strict = getattr(item, "strict", None) or strict
    return strict


def _default(info: FieldInfo) -> Any:
    if info.default is not PydanticUndefined:
        return info.default
    if info.default_factory is None or info.default_factory_takes_validated_data:
        return MISSING
    return _made(info.default_factory)


def _made(factory: Callable[..., Any]) -> Any:
    """What a factory makes, if it is always the same: an id or the time of day is no default."""
    if isinstance(factory, type):
        is_known = factory in _CLASS_FACTORIES or issubclass(factory, BaseModel)
        return factory() if is_known else MISSING
    first, second = factory(), factory()
    return first if first == second and not isinstance(first, _INSTANTS) else MISSING
