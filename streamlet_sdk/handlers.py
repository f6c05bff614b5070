"""The roles that a method of a streamlet may play, and the mark that says so.

The mark sits on the function, never on the port: a subclass would change its parent otherwise.
Roles are collected over the class's MRO by attribute name, so that an override without a
decorator keeps its parent's role.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, overload

from pydantic import BaseModel

from streamlet_sdk.records import Checkpoint, Emission, Failure

if TYPE_CHECKING:
    from streamlet_sdk.streamlet import Streamlet

Step: TypeAlias = Emission[Any] | Failure
Outcome: TypeAlias = (
    Step | Iterable[Step] | AsyncIterable[Step] | Awaitable[Step | Iterable[Step] | None] | None
)
Produce: TypeAlias = AsyncIterable[Emission[Any]] | Iterable[Emission[Any]]
ProducePositioned: TypeAlias = (
    AsyncIterable[Emission[Any] | Checkpoint[Any]] | Iterable[Emission[Any] | Checkpoint[Any]]
)

S = TypeVar("S", bound="Streamlet")
M = TypeVar("M", bound=BaseModel)
RS = TypeVar("RS", bound=Produce)
RP = TypeVar("RP", bound=ProducePositioned)
F = TypeVar("F", bound=Callable[..., Any])

MARK = "__streamlet_role__"


class NamedPort(Protocol):
    """What a role needs to know of the port it serves."""

    @property
    def name(self) -> str:
        """The port's name, as in the blueprint."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """A handler of single records.

    Attributes:
        concurrency: handlers of this inlet that may run at once in one replica; None: as many as
            partitions, one for each.
        ordered_by: what stays in order: a partition, the records of one key, or nothing.
        thread: run in a thread, for code that blocks.
    """

    inlet: NamedPort
    concurrency: int | None = None
    ordered_by: Literal["key", "partition"] | None = "partition"
    thread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """A handler of lists of records, each list from one partition.

    Attributes:
        max_records: the longest list.
        max_wait: how long the first record of a list waits for more.
        concurrency: as for `Each`; above 1 lists of one partition may run at the same time.
    """

    inlet: NamedPort
    max_records: int = 500
    max_wait: timedelta = timedelta(milliseconds=100)
    concurrency: int | None = None
    thread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """May repair bytes that do not decode, or return None to give them up."""

    inlet: NamedPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A generator of emissions.

    Attributes:
        position: model of the cursor that is stored and handed back; None: nothing is remembered.
        every: run again this long after it ended; None: a generator that ends is completed.
        max_in_flight: emissions that may be unacknowledged before the generator has to wait.
        replicated: whether several replicas may run it side by side.
    """

    position: type[BaseModel] | None = None
    every: timedelta | None = None
    max_in_flight: int = 1000
    replicated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A handler of HTTP requests."""

    path: str
    methods: tuple[str, ...] = ("POST",)


Role: TypeAlias = Each | Batches | Undecodable | Source | Route


def mark(function: F, role: Role) -> F:
    """Say that `function` plays `role`."""
    setattr(function, MARK, role)
    return function


def roles(cls: type) -> Mapping[str, Role]:
    """The roles of a class's methods by attribute name, parents first, in order of definition."""
    found: dict[str, Role] = {}
    for klass in reversed(cls.__mro__):
        for name, item in vars(klass).items():
            role = getattr(item, MARK, None)
            if role is not None:
                found[name] = role
    return found


class SourceDecorator(Protocol):
    """Marks a source without a remembered position."""

    def __call__(self, function: Callable[[S], RS], /) -> Callable[[S], RS]:
        """Mark `function`."""
        ...


class PositionedDecorator(Protocol[M]):
    """Marks a source that is handed its last stored position."""

    def __call__(self, function: Callable[[S, M | None], RP], /) -> Callable[[S, M | None], RP]:
        """Mark `function`."""
        ...


@overload
def source(function: Callable[[S], RS], /) -> Callable[[S], RS]: ...
@overload
def source(
    *,
    position: type[M],
    every: timedelta | None = ...,
    max_in_flight: int = ...,
    replicated: bool = ...,
) -> PositionedDecorator[M]: ...
@overload
def source(
    *, every: timedelta | None = ..., max_in_flight: int = ..., replicated: bool = ...
) -> SourceDecorator: ...
def source(function: Any = None, /, **options: Any) -> Any:
    """Mark a generator method as a source of records.

    A sync generator runs in a thread of its own, so it may block; an async one runs on the event
    loop. It yields emissions and, with `position`, checkpoints. When it ends, it runs again after
    `every`; without `every` the source is completed. When it raises, it is started again with
    growing delays, from its last stored position.
    """
    if function is not None:
        return mark(function, Source())
    role = Source(**options)
    return lambda made: mark(made, role)
