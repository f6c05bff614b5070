"""Inlets and outlets: typed ports, declared as class attributes of a streamlet.

Declaring one has no side effect. What a port's type means on the wire is decided in
`streamlet_sdk.serde`; where records come from and go to in `streamlet_sdk.runtime`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    Self,
    TypedDict,
    Unpack,
    final,
    overload,
)

from typing_extensions import TypeForm, TypeVar

from streamlet_sdk.delivery import Delivery
from streamlet_sdk.errors import EncodeError
from streamlet_sdk.handlers import Batches, Each, Outcome, Undecodable, mark
from streamlet_sdk.names import UNSET, Unset, port_name
from streamlet_sdk.records import Emission, Key, Record, Written, key_bytes

if TYPE_CHECKING:
    from datetime import timedelta

    from streamlet_sdk.streamlet import Streamlet

T = TypeVar("T")
U = TypeVar("U")
P = ParamSpec("P")
S = TypeVar("S", bound="Streamlet")
R = TypeVar("R", bound=Outcome)
HeaderValues = Mapping[str, str | bytes]


class Codec(Protocol[T]):
    """A user's own encoding of a port's values."""

    def encode(self, value: T) -> bytes:
        """The bytes of `value`."""
        ...

    def decode(self, data: bytes) -> T:
        """The value in `data`; raises anything when there is none."""
        ...


class InletOptions(TypedDict, total=False):
    """What may be said of any inlet, besides its schema.

    Keys:
        avro: path of an `.avsc` file, relative to the module that defines the streamlet.
        format: the encoding; Avro for models when absent.
        codec: a user's own encoding, instead of `format`.
        broadcast: every replica gets every record, and nothing is committed.
        start: where a group without committed offsets begins; `earliest` when absent.
        delivery: the delivery policy.
        name: the port's name, when it is not made from the attribute's.
    """

    avro: str
    format: Literal["avro", "json"]
    codec: Codec[Any]
    broadcast: bool
    start: Literal["earliest", "latest"]
    delivery: Delivery
    tombstones: bool
    name: str


class PlainInletOptions(TypedDict, total=False):
    """The options of an inlet whose values are never None."""

    format: Literal["avro", "json"]
    broadcast: bool
    start: Literal["earliest", "latest"]
    delivery: Delivery
    name: str


class OutletOptions(TypedDict, total=False):
    """What may be said of any outlet, besides its schema and key; see `InletOptions`."""

    avro: str
    format: Literal["avro", "json"]
    codec: Codec[Any]
    name: str


class BatchesOptions(TypedDict, total=False):
    """The options of `Inlet.batches`; see `streamlet_sdk.handlers.Batches`."""

    max_records: int
    max_wait: timedelta
    concurrency: int | None
    thread: bool


class EachDecorator(Protocol[T]):
    """Marks a method as the handler of an inlet's values."""

    def __call__(
        self, handler: Callable[Concatenate[S, T, P], R], /
    ) -> Callable[Concatenate[S, T, P], R]:
        """Mark `handler`."""
        ...


class Port:
    """What inlets and outlets have in common: a name, an attribute and an owner."""

    name: str = ""
    attribute: str = ""
    owner: type | None = None

    def __set_name__(self, owner: type, attribute: str) -> None:
        """Learn where the port was declared.

        Raises:
            TypeError: when the same port object is declared twice.
        """
        if self.owner is not None:
            raise TypeError(
                f"{owner.__name__}.{attribute}: this port already belongs to "
                f"{self.owner.__name__}.{self.attribute}; declare a port of its own"
            )
        self.owner, self.attribute = owner, attribute
        self.name = self.name or port_name(attribute)


class Inlet(Port, Generic[T]):
    """Where records of type `T` come in."""

    @overload
    def __init__(
        self: Inlet[U | None],
        schema: TypeForm[U],
        /,
        *,
        tombstones: Literal[True],
        avro: str = ...,
        codec: Codec[U] = ...,
        **options: Unpack[PlainInletOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        schema: TypeForm[T],
        /,
        *,
        avro: str = ...,
        codec: Codec[T] = ...,
        **options: Unpack[PlainInletOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Inlet[dict[str, Any]],
        /,
        *,
        avro: str,
        **options: Unpack[PlainInletOptions],
    ) -> None: ...
    def __init__(self, schema: Any = None, /, **given: Any) -> None:
        """Declare an inlet; options as in `InletOptions`, `tombstones=True` lets None through."""
        options: InletOptions = given  # type: ignore[assignment] # the overloads say what is given
        self.schema = schema
        self.name = options.get("name", "")
        self.avro = options.get("avro")
        self.format: Literal["avro", "json"] | None = options.get("format")
        self.codec = options.get("codec")
        self.tombstones = options.get("tombstones", False)
        self.broadcast = options.get("broadcast", False)
        self.start: Literal["earliest", "latest"] = options.get("start", "earliest")
        self.delivery = options.get("delivery", Delivery())

    @overload
    def each(
        self, handler: Callable[Concatenate[S, T, P], R], /
    ) -> Callable[Concatenate[S, T, P], R]: ...
    @overload
    def each(
        self,
        *,
        concurrency: int | None = ...,
        ordered_by: Literal["key", "partition"] | None = ...,
        thread: bool = ...,
    ) -> EachDecorator[T]: ...
    def each(self, handler: Any = None, **options: Any) -> Any:
        """Mark a method as the handler of single records: `@inlet.each` or `@inlet.each(…)`.

        It is given the value and, if it takes a second argument, the `Record`. It returns or
        yields emissions, or returns None. Emissions are held until it is done: a failed try
        emits nothing.
        """
        role = Each(inlet=self, **options)
        if handler is not None:
            return mark(handler, role)
        return lambda function: mark(function, role)

    def batches(self, **options: Unpack[BatchesOptions]) -> EachDecorator[list[T]]:
        """Mark a method as the handler of lists of records, each list from one partition.

        It is given the values and, if it takes a second argument, the records in the same order.
        """
        role = Batches(inlet=self, **options)

        def decorate(function: Any) -> Any:
            return mark(function, role)

        return decorate

    def undecodable(
        self, handler: Callable[[S, bytes, Exception], T | None], /
    ) -> Callable[[S, bytes, Exception], T | None]:
        """Mark a method that may repair bytes that do not decode; None gives them up."""
        return mark(handler, Undecodable(inlet=self))


class Outlet(Port, Generic[T]):
    """Where records of type `T` go out."""

    @overload
    def __init__(
        self,
        schema: TypeForm[T],
        /,
        *,
        key: Callable[[T], Key] | None = ...,
        headers: Callable[[T], HeaderValues] | None = ...,
        **options: Unpack[OutletOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Outlet[dict[str, Any]],
        /,
        *,
        avro: str,
        key: Callable[[dict[str, Any]], Key] | None = ...,
        headers: Callable[[dict[str, Any]], HeaderValues] | None = ...,
        name: str = ...,
    ) -> None: ...
    def __init__(
        self,
        schema: Any = None,
        /,
        *,
        key: Callable[[Any], Key] | None = None,
        headers: Callable[[Any], HeaderValues] | None = None,
        **options: Unpack[OutletOptions],
    ) -> None:
        """Declare an outlet; `key` and `headers` are made from each value unless given with it."""
        self.schema = schema
        self.key: Callable[[T], Key] | None = key
        self.headers: Callable[[T], HeaderValues] | None = headers
        self.name = options.get("name", "")
        self.avro = options.get("avro")
        self.format: Literal["avro", "json"] | None = options.get("format")
        self.codec = options.get("codec")

    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, instance: Streamlet, owner: type, /) -> BoundOutlet[T]: ...
    def __get__(self, instance: Streamlet | None, owner: type, /) -> Self | BoundOutlet[T]:
        """The outlet itself on the class, the one of an instance on the instance."""
        if instance is None:
            return self
        bound = BoundOutlet(self, instance)
        # A non-data descriptor: from now on the instance's own attribute is found first.
        instance.__dict__[self.attribute] = bound
        return bound


@final
class BoundOutlet(Generic[T]):
    """`self.out`: the outlet of one running instance."""

    __slots__ = ("_headers", "_key", "_port", "_streamlet")

    def __init__(self, outlet: Outlet[T], streamlet: Streamlet) -> None:
        """Bind `outlet` to the instance that writes to it."""
        self._port = outlet.name
        self._key = outlet.key
        self._headers = outlet.headers
        self._streamlet = streamlet

    def __call__(
        self,
        value: T,
        *,
        key: Key | Unset = UNSET,
        headers: HeaderValues | None = None,
        timestamp_ms: int | None = None,
        cause: Record[Any] | None = None,
    ) -> Emission[T]:
        """An emission of `value`, to be returned or yielded by a handler.

        Args:
            value: what to write.
            key: instead of the one that the outlet's `key` function makes.
            headers: added to those of the outlet's `headers` function and the inherited ones.
            timestamp_ms: milliseconds since the epoch; inherited from the input when absent.
            cause: the record of a batch that this belongs to; the whole batch when absent.
        """
        made = (self._key(value) if self._key is not None else None) if key is UNSET else key
        pairs: tuple[tuple[str, bytes], ...] = ()
        if headers or self._headers is not None:
            pairs = _pairs(self._headers(value) if self._headers is not None else {}, headers or {})
        return Emission(
            self._port,
            value,
            key_bytes(made) if made is not None else None,
            pairs,
            timestamp_ms,
            cause,
        )

    def tombstone(
        self,
        *,
        key: Key,
        cause: Record[Any] | None = None,
        timestamp_ms: int | None = None,
    ) -> Emission[None]:
        """An emission without a value, which deletes `key` from a compacted topic."""
        return Emission(self._port, None, key_bytes(key), (), timestamp_ms, cause)

    async def write(
        self,
        value: T,
        *,
        key: Key | Unset = UNSET,
        headers: HeaderValues | None = None,
        timeout: timedelta | None = None,
    ) -> Written:
        """Write now and return once the broker has acknowledged; for servers and own tasks.

        Raises:
            DeliveryError: when it was not acknowledged within `timeout`, or cannot be.
            EncodeError: when `value` does not fit the outlet's schema.
        """
        return await self._streamlet.context.write(self(value, key=key, headers=headers), timeout)


def _pairs(*layers: HeaderValues) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, _header(name, text)) for layer in layers for name, text in layer.items())


def _header(name: str, value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise EncodeError(f"header {name!r} is a {type(value).__name__}; give text or bytes")
    return value
