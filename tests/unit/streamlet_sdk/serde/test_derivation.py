"""Avro schemas of Python types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar
from uuid import UUID, uuid4

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PositiveInt,
    RootModel,
    create_model,
)
from pydantic.alias_generators import to_camel
from typing_extensions import TypeAliasType

from streamlet_sdk import Avro
from streamlet_sdk.errors import SchemaError
from streamlet_sdk.serde import PortOptions, SchemaBook, from_json, port_codec, port_schema
from support.turbines import InvalidMetric, SensorData

T = TypeVar("T")
Watts = NewType("Watts", float)
Name = TypeAliasType("Name", str)


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Code(IntEnum):
    OK = 200


class Box(BaseModel, Generic[T]):
    content: T


class Place(BaseModel):
    name: str = "here"
    tags: list[str] = []


def schema_of(type_: Any) -> Any:
    return json.loads(port_schema(type_, PortOptions()).text)


def of_field(type_: Any, **more: Any) -> Any:
    """The Avro type of a field with this annotation."""
    model = create_model("M", f=(type_, Field(**more)))
    (part,) = schema_of(model)["fields"]
    return part["type"]


def problem_of(type_: Any) -> str:
    with pytest.raises(SchemaError) as caught:
        port_schema(type_, PortOptions())
    return str(caught.value)


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (bool, "boolean"),
        (int, "long"),
        (float, "double"),
        (str, "string"),
        (bytes, "bytes"),
        (UUID, logical("string", "uuid")),
        (datetime, logical("long", "timestamp-micros")),
        (AwareDatetime, logical("long", "timestamp-micros")),
        (date, logical("int", "date")),
        (time, logical("long", "time-micros")),
        (Annotated[time, Avro(logical="time-millis")], logical("int", "time-millis")),
        (
            Annotated[datetime, Avro(logical="timestamp-millis")],
            logical("long", "timestamp-millis"),
        ),
        (
            Annotated[datetime | None, Avro(logical="local-timestamp-millis")],
            ["null", logical("long", "local-timestamp-millis")],
        ),
        (
            list[Annotated[Decimal, Avro(precision=9, scale=2)]],
            {"type": "array", "items": logical("bytes", "decimal", precision=9, scale=2)},
        ),
        (
            Annotated[Decimal, Field(max_digits=9, decimal_places=2)],
            logical("bytes", "decimal", precision=9, scale=2),
        ),
        (Level, {"type": "enum", "name": "Level", "symbols": ["low", "high"]}),
        (Code, "long"),
        (Literal["a", "b"], "string"),
        (Literal["a"] | None, ["null", "string"]),
        (Literal[Level.LOW], {"type": "enum", "name": "Level", "symbols": ["low", "high"]}),
        (int | None, ["null", "long"]),
        (str | int, ["string", "long"]),
        (str | (int | None), ["null", "string", "long"]),
        (list[int], {"type": "array", "items": "long"}),
        (set[int], {"type": "array", "items": "long"}),
        (tuple[int, ...], {"type": "array", "items": "long"}),
        (tuple[int, int], {"type": "array", "items": "long"}),
        (Sequence[int], {"type": "array", "items": "long"}),
        (dict[str, int], {"type": "map", "values": "long"}),
        (Mapping[str, list[int]], {"type": "map", "values": {"type": "array", "items": "long"}}),
        (Watts, "double"),
        (Name, "string"),
        (PositiveInt, "long"),
        (HttpUrl, "string"),
    ],
)
def test_a_type_has_its_avro_type(type_: Any, expected: Any) -> None:
    found = of_field(type_)

    assert found == expected


def test_the_wind_turbines_have_cloudflows_schema() -> None:
    assert schema_of(SensorData) == {
        "name": "sensordata.SensorData",
        "type": "record",
        "fields": [
            {"name": "deviceId", "type": logical("string", "uuid")},
            {"name": "timestamp", "type": logical("long", "timestamp-millis")},
            {
                "name": "measurements",
                "type": {
                    "name": "sensordata.Measurements",
                    "type": "record",
                    "fields": [
                        {"name": name, "type": "double"}
                        for name in ("power", "rotorSpeed", "windSpeed")
                    ],
                },
            },
        ],
    }


def test_a_nested_model_is_defined_once_and_then_named() -> None:
    class Pair(BaseModel):
        one: Place
        two: Place

    one, two = schema_of(Pair)["fields"]

    assert one["type"]["name"] == "Place"
    assert two["type"] == "Place"


def test_a_recursive_model_refers_to_itself() -> None:
    class Tree(BaseModel):
        children: list[Tree]

    assert schema_of(Tree)["fields"][0]["type"] == {"type": "array", "items": "Tree"}


def test_a_generic_model_has_its_types_in_its_name() -> None:
    assert schema_of(Box[int])["name"] == "Box_int"
    assert schema_of(Box[list[Place]])["fields"][0]["type"]["items"]["name"] == "Place"


@pytest.mark.parametrize(
    ("type_", "default", "expected"),
    [
        (int, 7, 7),
        (float, 1.5, 1.5),
        (str, "x", "x"),
        (bytes, b"\xff", "\u00ff"),
        (UUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date, date(1970, 1, 3), 2),
        (Level, Level.HIGH, "high"),
        (Code, Code.OK, 200),
        (list[int], [1, 2], [1, 2]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Place, Place(), {"name": "here", "tags": []}),
        (int | None, None, None),
        (
            Annotated[Decimal, Avro(precision=9, scale=2)],
            Decimal("12.34"),
            "\u0004\u00d2",
        ),
    ],
)
def test_a_default_is_in_the_schema(type_: Any, default: Any, expected: Any) -> None:
    model = create_model("M", f=(type_, default))

    (part,) = schema_of(model)["fields"]

    assert part["default"] == expected


def test_the_branch_of_a_default_comes_first() -> None:
    assert of_field(str | None, default="x") == ["string", "null"]


def test_a_factory_that_always_makes_the_same_is_a_default() -> None:
    class M(BaseModel):
        items: list[int] = Field(default_factory=list)
        pair: list[int] = Field(default_factory=lambda: [1, 2])
        place: Place = Field(default_factory=Place)
        id: UUID = Field(default_factory=uuid4)
        text: str = Field(default_factory=lambda: str(uuid4()))

    defaults = {part["name"]: part.get("default", "no default") for part in schema_of(M)["fields"]}

    assert defaults == {
        "items": [],
        "pair": [1, 2],
        "place": {"name": "here", "tags": []},
        "id": "no default",
        "text": "no default",
    }


@pytest.mark.parametrize("default", [float("nan"), "not a number"])
def test_a_default_that_json_or_the_type_lacks_is_left_to_pydantic(default: Any) -> None:
    model = create_model("M", f=(float, default))

    assert "default" not in schema_of(model)["fields"][0]


def test_aliases_are_the_names_on_the_wire() -> None:
    class M(BaseModel):
        model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
        device_id: int
        wind_speed: float = Field(serialization_alias="wind")
        rotor: float = Field(validation_alias=AliasChoices("rotorSpeed", "speed"))

    codec = port_codec(M, PortOptions(), SchemaBook())
    value = M(device_id=1, wind_speed=2.0, rotor=3.0)

    assert [part["name"] for part in schema_of(M)["fields"]] == ["deviceId", "wind", "rotor"]
    assert codec.decode(codec.encode(value)) == value


def test_fields_and_classes_have_aliases_for_older_data() -> None:
    class M(BaseModel):
        __avro__ = Avro(namespace="plant", aliases=("Old", "works.Older"))
        value: Annotated[int, Avro(aliases=("amount",))]

    document = schema_of(M)

    assert document["aliases"] == ["plant.Old", "works.Older"]
    assert document["fields"][0]["aliases"] == ["amount"]


def test_a_namespace_is_inherited_and_the_other_settings_are_not() -> None:
    class Parent(BaseModel):
        __avro__ = Avro(namespace="plant", name="Base", aliases=("Old",))

    class Child(Parent):
        pass

    assert schema_of(Child) == {"name": "plant.Child", "type": "record", "fields": []}


def test_an_excluded_field_is_not_on_the_wire() -> None:
    class M(BaseModel):
        a: int
        cache: int = Field(default=0, exclude=True)

    assert [part["name"] for part in schema_of(M)["fields"]] == ["a"]


def test_the_same_class_gives_the_same_text_every_time() -> None:
    assert port_schema(InvalidMetric, PortOptions()) == port_schema(InvalidMetric, PortOptions())


@pytest.mark.parametrize(
    ("type_", "sentence"),
    [
        (object, "M.f: object has no Avro type"),
        (Any, "M.f: Any has no Avro type"),
        (complex, "M.f: complex has no Avro type"),
        (Decimal, "M.f: a Decimal needs its digits"),
        (Annotated[Decimal, Avro(precision=1, scale=2)], "M.f: the precision must be at least"),
        (list, "M.f: the items need one type"),
        (tuple[int, str], "M.f: the items need one type"),
        (dict, "M.f: the values need a type"),
        (dict[int, str], "M.f: the keys of an Avro map are text"),
        (list[int] | list[str], "M.f: two types of the union are both written as array"),
        (datetime | int, "M.f: two types of the union are both written as long"),
        (list[object], "M.f[]: object has no Avro type"),
        (dict[str, object], "M.f{}: object has no Avro type"),
        (Enum("Empty", []), "M.f: the values of Empty must be Avro names"),
        (Enum("Plain", {"A": 1}), "M.f: the values of Plain must be Avro names"),
        (Enum("Dashed", {"A": "a-b"}), "and 'a-b' is not"),
        (RootModel[int], "is a RootModel"),
    ],
)
def test_a_type_without_avro_type_is_a_problem_with_its_place(type_: Any, sentence: str) -> None:
    model = create_model("M", __config__={"arbitrary_types_allowed": True}, f=(type_, ...))

    assert sentence in problem_of(model)


def test_every_problem_is_reported_at_once() -> None:
    class M(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        a: object
        place: Box[complex]
        c: Decimal

    found = problem_of(M)

    assert "M cannot be described in Avro" in found
    assert "M.a: object" in found
    assert "M.place.content: complex" in found
    assert "M.c: a Decimal" in found


def test_two_classes_of_one_name_need_a_namespace() -> None:
    def make() -> type[BaseModel]:
        class Twin(BaseModel):
            value: int

        return Twin

    model = create_model("M", one=(make(), ...), two=(make(), ...))

    assert "would both be 'Twin'; give one of them __avro__ = Avro(namespace=" in problem_of(model)


def test_a_name_that_avro_lacks_is_a_problem() -> None:
    class M(BaseModel):
        a: int = Field(alias="device-id")
        b: Annotated[int, Avro(aliases=("wind speed",))]

    found = problem_of(M)

    assert "M.a: 'device-id' is not an Avro name" in found
    assert "M.b: 'wind speed' is not an Avro name" in found


def test_undeclared_fields_are_a_problem() -> None:
    class M(BaseModel):
        model_config = ConfigDict(extra="allow")

    assert "M allows undeclared fields" in problem_of(M)


def test_a_required_field_that_is_excluded_is_a_problem() -> None:
    class M(BaseModel):
        secret: int = Field(exclude=True)

    assert "M.secret: it is excluded, so it needs a default" in problem_of(M)


def test_a_field_that_is_taken_by_a_path_only_is_a_problem() -> None:
    class M(BaseModel):
        a: int = Field(validation_alias=AliasPath("x", 0))

    assert "M.a: validation takes it by a path only" in problem_of(M)


def test_a_model_without_a_finite_value_is_a_problem() -> None:
    class Endless(BaseModel):
        again: Endless

    assert "every value would be endless" in problem_of(Endless)


def test_an_open_generic_model_is_a_problem() -> None:
    assert "~T is open; give the generic model its types" in problem_of(Box)


def test_a_wrong_marker_is_a_problem() -> None:
    class M(BaseModel):
        __avro__ = "plant"

    assert "M.__avro__ must be an Avro(…)" in problem_of(M)


def test_a_wrong_default_of_an_enum_is_a_problem() -> None:
    class E(Enum):
        __avro__ = Avro(default="c")
        A = "a"

    assert "the default 'c' is no value of E" in problem_of(create_model("M", e=(E, ...)))


def test_a_url_is_written_as_text() -> None:
    class M(BaseModel):
        url: HttpUrl

    codec = port_codec(M, PortOptions(), SchemaBook())
    value = from_json(codec, {"url": "https://example.org/a"})

    assert codec.decode(codec.encode(value)) == value
