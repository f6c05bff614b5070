"""Avro and JSON of pydantic models, over generated models and instances."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.alias_generators import to_camel

from streamlet_sdk.serde import (
    Avro,
    InvalidJsonError,
    PortOptions,
    SchemaBook,
    from_json,
    json_value,
    port_codec,
    port_schema,
    unreadable,
    value_json,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Code(IntEnum):
    OK = 200
    GONE = 410


class Tree(BaseModel):
    name: str
    children: list[Tree] = []
    parent: Tree | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    lives: int = 1


def _cut(value: Any) -> Any:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def instances(model: type[BaseModel], **values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Like `builds`, without guessing at arguments that are not given."""
    return st.fixed_dictionaries(values).map(lambda drawn: model(**drawn))


LONGS = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.datetimes(timezones=st.just(UTC))
TREES = st.recursive(
    instances(Tree, name=st.text(max_size=3)),
    lambda inner: instances(Tree, name=st.text(max_size=3), children=st.lists(inner, max_size=2)),
    max_leaves=4,
)
LEAVES: list[tuple[Any, SearchStrategy[Any]]] = [
    (bool, st.booleans()),
    (int, LONGS),
    (float, st.floats(allow_nan=False)),
    (str, st.text(max_size=5)),
    (bytes, st.binary(max_size=5)),
    (UUID, st.uuids()),
    (datetime, INSTANTS),
    (Annotated[datetime, Avro(logical="timestamp-millis")], INSTANTS.map(_cut)),
    (Annotated[datetime, Avro(logical="local-timestamp-micros")], st.datetimes()),
    (date, st.dates()),
    (time, st.times()),
    (Annotated[time, Avro(logical="time-millis")], st.times().map(_cut)),
    (Annotated[Decimal, Avro(precision=9, scale=2)], st.decimals(-(10**6), 10**6, places=2)),
    (Level, st.sampled_from(Level)),
    (Code, st.sampled_from(Code)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (Tree, TREES),
    (Cat, instances(Cat, lives=LONGS)),
    (Cat | Dog, st.one_of(instances(Cat, lives=LONGS), instances(Dog, lives=LONGS))),
    (int | str | None, st.one_of(LONGS, st.text(max_size=5), st.none())),
    (UUID | bool, st.one_of(st.uuids(), st.booleans())),
]
NUMBERS = count()


@st.composite
def typed_values(draw: DrawFn, depth: int = 0) -> tuple[Any, SearchStrategy[Any]]:
    """A type that a field may have, and the strategy of its values."""
    shape = draw(st.sampled_from(["leaf", "leaf", "list", "set", "dict", "optional", "model"]))
    if shape == "leaf" or depth > 1:
        return draw(st.sampled_from(LEAVES))
    if shape == "model":
        return draw(models(depth + 1))
    inner, values = draw(typed_values(depth + 1))
    if shape == "set":
        return set[UUID], st.sets(st.uuids(), max_size=3)
    if shape == "list":
        return list[inner], st.lists(values, max_size=3)
    if shape == "dict":
        return dict[str, inner], st.dictionaries(st.text(max_size=3), values, max_size=3)
    return inner | None, st.none() | values


@st.composite
def models(draw: DrawFn, depth: int = 0) -> tuple[type[BaseModel], SearchStrategy[BaseModel]]:
    """A model, and the strategy of its instances."""
    fields, values = {}, {}
    for number in range(draw(st.integers(0, 4))):
        type_, strategy = draw(typed_values(depth))
        name = f"some_field_{number}"
        values[name] = strategy
        has_default = draw(st.sampled_from([True, False]))
        fields[name] = (type_, draw(strategy)) if has_default else (type_, ...)
    config = ConfigDict(alias_generator=draw(st.sampled_from([to_camel, None])))
    config["populate_by_name"] = True
    config["strict"] = draw(st.sampled_from([True, False]))
    model = create_model(f"Model{next(NUMBERS)}", __config__=config, **fields)  # type: ignore[call-overload]
    return model, instances(model, **values)


@given(models(), st.data())
def test_an_instance_decodes_to_an_equal_one(
    drawn: tuple[type[BaseModel], SearchStrategy[BaseModel]], data: st.DataObject
) -> None:
    model, values = drawn
    codec, value = port_codec(model, PortOptions(), SchemaBook()), data.draw(values)

    decoded = codec.decode(codec.encode(value))

    assert decoded == value
    assert type(decoded) is model


@given(models(), st.data())
def test_the_json_of_an_instance_is_accepted_again(
    drawn: tuple[type[BaseModel], SearchStrategy[BaseModel]], data: st.DataObject
) -> None:
    model, values = drawn
    codec, value = port_codec(model, PortOptions(), SchemaBook()), data.draw(values)

    assert json_value(codec, value_json(codec, value)) == value


@given(models())
def test_an_empty_object_is_the_instance_of_defaults_or_misses_every_other_field(
    drawn: tuple[type[BaseModel], SearchStrategy[BaseModel]],
) -> None:
    model, _ = drawn
    codec = port_codec(model, PortOptions(), SchemaBook())
    required = [name for name, info in model.model_fields.items() if info.is_required()]

    if not required:
        assert from_json(codec, {}) == model()
        return
    with pytest.raises(InvalidJsonError) as caught:
        from_json(codec, {})
    assert len(caught.value.problems) == len(required)


@given(models(), models(), st.data())
def test_records_of_a_union_keep_their_class(
    one: tuple[type[BaseModel], SearchStrategy[BaseModel]],
    other: tuple[type[BaseModel], SearchStrategy[BaseModel]],
    data: st.DataObject,
) -> None:
    codec = port_codec(one[0] | other[0], PortOptions(), SchemaBook())
    value = data.draw(one[1] | other[1])

    decoded = codec.decode(codec.encode(value))

    assert decoded == value
    assert type(decoded) is type(value)


@given(models())
def test_a_model_reads_what_it_writes_and_describes_itself_the_same_twice(
    drawn: tuple[type[BaseModel], SearchStrategy[BaseModel]],
) -> None:
    schema = port_schema(drawn[0], PortOptions())

    assert unreadable(schema, schema) == ()
    assert port_schema(drawn[0], PortOptions()) == schema
