"""What is read from a class without making an instance, and what is wrong with a class."""

from __future__ import annotations

import abc
from collections import deque
from datetime import timedelta
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from streamlet_sdk import (
    Delivery,
    Emission,
    Inlet,
    MemorySize,
    Outlet,
    Parameter,
    Record,
    Streamlet,
    VolumeMount,
    source,
)
from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.blueprint.descriptor import Descriptor, class_path
from streamlet_sdk.handlers import Route, mark
from support.blueprints import Metric, found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence


def described(cls: type[Streamlet]) -> Descriptor:
    descriptor, problems = describe(cls, "m:C")
    assert problems == ()
    assert descriptor is not None
    return descriptor


def faults(cls: type[Streamlet]) -> list[tuple[str, str]]:
    """Type and attribute of every problem of a class."""
    descriptor, problems = describe(cls, "m:C")
    assert (descriptor is None) == bool(problems)
    return [(kind, path.removeprefix("m:C").lstrip(".")) for kind, path in found(list(problems))]


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Cursor(BaseModel):
    last: int


class Everything(Streamlet):
    """One of each kind."""

    in_ = Inlet(Metric, start="latest", delivery=Delivery(on_exhausted="stop"))
    raw_data = Inlet(bytes, broadcast=True)
    out = Outlet(Metric)
    size = Parameter(MemorySize, default=MemorySize(1024))
    wait = Parameter(timedelta, default=timedelta(milliseconds=1500))
    level = Parameter(Level, default=Level.LOW)
    needed = Parameter(int, description="How many.")
    maybe = Parameter(str, default=None)
    token = Parameter(str, secret=True)
    models = VolumeMount("/models", access="ReadWriteMany")
    TABLE = MappingProxyType({"a": 1})

    @in_.each
    def one(self, metric: Metric, record: Record[Metric]) -> Emission: ...

    @raw_data.batches(max_records=10)
    async def many(self, values: list[bytes]) -> None: ...

    @in_.undecodable
    def repair(self, data: bytes, error: Exception) -> Metric | None: ...

    @source(position=Cursor, every=timedelta(minutes=1))
    async def poll_it(self, position: Cursor | None) -> AsyncIterator[Emission]:
        yield self.out(Metric(value=1))


def test_ports_are_described_with_their_schemas_and_handlers() -> None:
    descriptor = described(Everything)
    assert descriptor.description == "One of each kind."
    first, second = descriptor.inlets
    assert (first.name, first.handler, first.start) == ("in", "each", "latest")
    assert (second.name, second.handler, second.broadcast) == ("raw-data", "batches", True)
    assert first.schema_value.name.endswith("Metric")
    assert second.schema_value.format == "bytes"
    assert first.delivery is not None
    assert first.delivery.on_exhausted == "stop"


def test_every_inlet_has_an_outlet_for_its_dead_letters() -> None:
    outlets = described(Everything).outlets
    assert [(outlet.name, outlet.dead_letters_of) for outlet in outlets] == [
        ("out", None),
        ("in-dead-letters", "in"),
        ("raw-data-dead-letters", "raw-data"),
    ]
    assert outlets[1].schema_value.format == "bytes"


def test_parameters_are_described_as_text() -> None:
    assert {
        one.name: (one.kind, one.default, one.required, one.secret)
        for one in described(Everything).parameters
    } == {
        "size": ("memory-size", "1024", False, False),
        "wait": ("duration", "1500000us", False, False),
        "level": ("enum", "low", False, False),
        "needed": ("int", None, True, False),
        "maybe": ("string", None, False, False),
        "token": ("string", None, True, True),
    }


def test_sources_and_mounts_are_described() -> None:
    descriptor = described(Everything)
    (poll,) = descriptor.sources
    assert (poll.name, poll.every, poll.position) == ("poll-it", timedelta(minutes=1), True)
    (mount,) = descriptor.volume_mounts
    assert (mount.name, mount.path, mount.access) == ("models", "/models", "ReadWriteMany")


def test_a_descriptor_survives_json_in_camel_case() -> None:
    descriptor = described(Everything)
    text = descriptor.model_dump_json(by_alias=True)
    assert '"volumeMounts"' in text
    assert Descriptor.model_validate_json(text) == descriptor


def test_the_docstring_of_a_parent_describes_no_child() -> None:
    class Child(Everything):
        pass

    assert described(Child).description == ""


def test_an_override_without_decorator_keeps_its_parents_role() -> None:
    class Child(Everything):
        def one(self, metric: Metric) -> Emission: ...

    assert described(Child).inlets[0].handler == "each"


def test_an_override_that_could_not_be_called_is_a_problem() -> None:
    class Child(Everything):
        def one(self) -> Emission: ...  # wrong on purpose

    assert faults(Child) == [("WrongSignature", "one")]


def test_an_inlet_needs_exactly_one_handler() -> None:
    class Neither(Streamlet):
        in_ = Inlet(Metric)

    class Both(Streamlet):
        in_ = Inlet(Metric)

        @in_.each
        def one(self, metric: Metric) -> None: ...

        @in_.batches()
        def many(self, metrics: list[Metric]) -> None: ...

    assert faults(Neither) == [("InletWithoutHandler", "in_")]
    assert faults(Both) == [("ManyHandlers", "in_")]


def test_a_handler_of_another_classs_inlet_is_a_problem() -> None:
    class Stray(Streamlet):
        out = Outlet(Metric)

        @Everything.in_.each
        def one(self, metric: Metric) -> None: ...

    assert faults(Stray) == [("HandlerOfUnknownInlet", "one")]


@pytest.mark.parametrize(
    ("handler", "good"),
    [
        (lambda self, value: None, True),
        (lambda self, value, record: None, True),
        (lambda self, value, record=None: None, True),
        (lambda self, value, record=None, more=None: None, True),
        (staticmethod(lambda value: None), True),
        (lambda self: None, False),
        (lambda self, value, record, more: None, False),
        (lambda self, *values: None, False),
        (lambda self, value, *, needed: None, False),
        (staticmethod(lambda: None), False),
    ],
)
def test_a_handler_takes_the_value_and_perhaps_the_record(handler: Any, *, good: bool) -> None:
    port: Inlet[Metric] = Inlet(Metric)
    port.each(handler)
    cls = type("Handling", (Streamlet,), {"in_": port, "handle": handler})
    assert faults(cls) == ([] if good else [("WrongSignature", "handle")])


def test_something_else_in_the_place_of_a_handler_is_a_problem() -> None:
    class Child(Everything):
        one = 3  # wrong on purpose

    assert faults(Child) == [("NotAMethod", "one")]


def test_names_of_the_platform_are_reserved() -> None:
    class Hiding(Streamlet):
        start = Outlet(Metric)  # wrong on purpose
        context = Parameter(int)  # wrong on purpose

    assert faults(Hiding) == [("ReservedName", "start"), ("ReservedName", "context")]


def test_hooks_of_the_platform_may_be_overridden() -> None:
    class Hooked(Streamlet):
        out = Outlet(Metric)

        async def start(self) -> None: ...

        async def partitions_assigned(self, inlet: str, partitions: Sequence[int]) -> None: ...

    assert faults(Hooked) == []


def test_a_class_that_the_platform_could_not_make_is_a_problem() -> None:
    class Made(Streamlet):
        out = Outlet(Metric)

        def __init__(self) -> None: ...  # wrong on purpose

    class Abstract(Streamlet, abc.ABC):
        out = Outlet(Metric)

        @abc.abstractmethod
        def compute(self) -> int: ...

    assert faults(Made) == [("OwnConstructor", "__init__")]
    assert faults(Abstract) == [("AbstractClass", "")]


@pytest.mark.parametrize("value", [[], {}, set(), bytearray(), deque()])
def test_a_mutable_class_attribute_is_a_problem(value: object) -> None:
    parent = type("Parent", (), {"seen": value})
    assert faults(type("Child", (parent, Streamlet), {})) == [("MutableAttribute", "seen")]


@pytest.mark.parametrize("value", [(), frozenset(), MappingProxyType({}), "text", 3, None])
def test_an_immutable_class_attribute_is_no_problem(value: object) -> None:
    assert faults(type("Constant", (Streamlet,), {"LIMITS": value})) == []


def test_ports_have_names_of_their_own() -> None:
    class Named(Streamlet):
        in_ = Inlet(Metric)
        Upper = Outlet(Metric)
        twin = Outlet(Metric, name="in")
        dead = Outlet(Metric, name="in-dead-letters")

        @in_.each
        def one(self, metric: Metric) -> None: ...

    assert faults(Named) == [
        ("InvalidPortName", "Upper"),
        ("DuplicatePortName", "twin"),
        ("DeadLetterPortTaken", "dead"),
    ]


def test_a_type_without_schema_is_a_problem_of_its_port() -> None:
    class Strange(Streamlet):
        out = Outlet(complex)
        missing = Outlet(avro="nowhere.avsc")

    assert faults(Strange) == [("InvalidSchema", "out"), ("InvalidSchema", "missing")]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"concurrency": 0}, [("InvalidOption", "handle")]),
        ({"concurrency": 1}, []),
        ({"ordered_by": "topic"}, [("InvalidOption", "handle")]),
    ],
)
def test_options_of_handlers_mean_something(
    options: dict[str, Any], problem: list[tuple[str, str]]
) -> None:
    port: Inlet[Metric] = Inlet(Metric)

    def handle(self: Streamlet, value: Metric) -> None: ...

    port.each(**options)(handle)
    assert faults(type("Handling", (Streamlet,), {"in_": port, "handle": handle})) == problem


def test_sources_yield_and_take_their_position_only() -> None:
    class Sources(Streamlet):
        out = Outlet(Metric)

        @source
        def returns(self) -> Sequence[Emission]:
            return []

        @source
        def wants(self, position: Cursor) -> Iterator[Emission]:  # wrong on purpose
            yield self.out(Metric(value=1))

        @source(position=Cursor)
        def forgets(self) -> Iterator[Emission]:  # wrong on purpose
            yield self.out(Metric(value=1))

    assert faults(Sources) == [
        ("SourceNotGenerator", "returns"),
        ("WrongSignature", "wants"),
        ("WrongSignature", "forgets"),
    ]


def test_a_source_that_keeps_a_position_cannot_be_replicated() -> None:
    class Shares(Streamlet):
        out = Outlet(Metric)

        @source(position=Cursor, replicated=True)
        def poll(self, position: Cursor | None) -> Iterator[Emission]:
            yield self.out(Metric(value=1))

    assert faults(Shares) == [("InvalidOption", "poll")]


def test_two_sources_do_not_share_the_name_of_their_position() -> None:
    def poll(self: Streamlet) -> Iterator[Emission]:
        yield Emission("out", 1)

    def again(self: Streamlet) -> Iterator[Emission]:
        yield Emission("out", 1)

    body = {"poll": source(poll), "poll_": source(again)}
    assert faults(type("Twice", (Streamlet,), body)) == [("DuplicateSourceName", "poll_")]


def route(path: str, *methods: str) -> Any:
    async def answer(self: Streamlet, request: object) -> None: ...

    return mark(answer, Route(path=path, methods=methods))


def test_a_server_is_described_with_its_routes() -> None:
    body = {"__server__": "ingress", "out": Outlet(Metric), "devices": route("/devices", "POST")}
    server = described(type("Server", (Streamlet,), body)).server
    assert server is not None
    assert server.ingress == "out"
    assert [(one.path, one.methods) for one in server.routes] == [("/devices", ("POST",))]


def test_routes_belong_to_servers_and_to_one_method_each() -> None:
    body = {"a": route("/a", "GET"), "b": route("/a", "GET"), "c": route("c", "GET")}
    routes = {"__server__": "routes", **body}
    assert faults(type("Plain", (Streamlet,), {"a": route("/a", "GET")})) == [
        ("RouteOutsideServer", "a")
    ]
    assert faults(type("Server", (Streamlet,), routes)) == [
        ("InvalidRoute", "b"),
        ("InvalidRoute", "c"),
    ]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_ingress_has_exactly_one_outlet(count: int) -> None:
    outlets = {f"out{number}": Outlet(Metric) for number in range(count)}
    cls = type("Server", (Streamlet,), {"__server__": "ingress", **outlets})
    assert faults(cls) == ([] if count == 1 else [("IngressOutlets", "")])


@pytest.mark.parametrize(
    ("parameter", "problem"),
    [
        (Parameter(str, pattern="(a|b)", default="b"), None),
        (Parameter(str, pattern="a.b", default="a\nb"), None),
        (Parameter(float, default=1), None),
        (Parameter(float, default=float("nan")), None),
        (Parameter(str, pattern="("), "InvalidPattern"),
        (Parameter(str, pattern="a", default="ab"), "InvalidDefault"),
        (Parameter(int, default="5"), "InvalidDefault"),  # wrong on purpose
        (Parameter(int, default=True), "InvalidDefault"),
        (Parameter(int, pattern="a"), "InvalidPattern"),  # wrong on purpose
        (Parameter(int, secret=True), "SecretNotText"),  # wrong on purpose
        (Parameter(dict), "IllegalParameterType"),  # wrong on purpose
        (Parameter(int, name="a_b"), "InvalidParameterName"),
        (Parameter(int, name="a-1"), None),
    ],
)
def test_parameters_follow_their_rules(parameter: Any, problem: str | None) -> None:
    cls = type("Tuned", (Streamlet,), {"setting": parameter})
    assert faults(cls) == ([] if problem is None else [(problem, "setting")])


@pytest.mark.parametrize(
    ("mount", "problems"),
    [
        (VolumeMount("/models"), []),
        (VolumeMount(""), ["EmptyVolumeMountPath"]),
        (VolumeMount("models"), ["RelativeVolumeMountPath"]),
        (VolumeMount("/a/../b"), ["BacktrackingVolumeMountPath"]),
        (VolumeMount("/a..b"), []),
        (VolumeMount("/m", name="My_Mount"), ["InvalidVolumeMountName"]),
        (VolumeMount("/m", access="Any"), ["IllegalAccess"]),  # wrong on purpose
    ],
)
def test_volume_mounts_follow_their_rules(mount: VolumeMount, problems: list[str]) -> None:
    cls = type("Mounted", (Streamlet,), {"disk": mount})
    assert [kind for kind, _ in faults(cls)] == problems


def test_names_and_paths_of_settings_are_used_once() -> None:
    class Twice(Streamlet):
        floor = Parameter(int)
        other = Parameter(int, name="floor")
        disk = VolumeMount("/data")
        same_name = VolumeMount("/else", name="disk")
        same_path = VolumeMount("/data/")

    assert faults(Twice) == [
        ("DuplicateParameterName", "other"),
        ("DuplicateVolumeMountName", "same_name"),
        ("DuplicateVolumeMountPath", "same_path"),
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.B", "a:B"),
        ("a.b.C", "a.b:C"),
        ("a.b:C", "a.b:C"),
        ("a:B.C", "a:B.C"),
        ("B", None),
        ("", None),
        ("a.", None),
        (":B", None),
        ("a b.C", None),
        ("a:B:C", None),
        ("1a.B", None),
    ],
)
def test_a_class_is_named_by_a_dotted_path_or_with_a_colon(text: str, path: str | None) -> None:
    assert class_path(text) == path
