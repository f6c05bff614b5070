"""Typed configuration parameters and volume mounts, declared as class attributes.

Values arrive as text from configuration files and the command line; `Parameter.parse` is the one
place where text becomes a value. Durations and memory sizes are read as HOCON writes them, so
that a Cloudflow user's configuration means here what it meant there.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Self,
    TypedDict,
    Unpack,
    cast,
    overload,
)

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypeVar

from streamlet_sdk.names import UNSET, Unset, port_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.streamlet import Streamlet

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
Access = Literal["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce"]


class MemorySize(int):
    """A number of bytes, written `32M` or `1Gi` in configuration."""

    def __repr__(self) -> str:
        """As in code."""
        return f"MemorySize({int(self)})"


class ParameterOptions(TypedDict, total=False):
    """What may be said of any parameter: its name in documents and a description for people."""

    name: str
    description: str


class TextOptions(ParameterOptions, total=False):
    """What may be said of a text: a regular expression that all of it must match; secrecy."""

    pattern: str
    secret: bool


class Setting(Generic[T]):
    """What parameters and mounts have in common: a value kept in the instance."""

    name: str = ""
    attribute: str = ""
    default: Any = UNSET

    def __set_name__(self, owner: type, attribute: str) -> None:
        """Learn the attribute and derive the name in documents."""
        self.attribute = attribute
        self.name = self.name or port_name(attribute)

    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, instance: Streamlet, owner: type, /) -> T: ...
    def __get__(self, instance: Streamlet | None, owner: type, /) -> Self | T:
        """The declaration on the class, the value on an instance.

        Raises:
            AttributeError: when the value is required and was not given.
        """
        if instance is None:
            return self
        value = instance.__dict__.get(self.attribute, self.default)
        if value is UNSET:
            raise AttributeError(
                f"{owner.__name__}.{self.attribute} has no default and was not given: "
                f"{owner.__name__}({self.attribute}=…)"
            )
        return cast("T", value)

    def __set__(self, instance: Streamlet, value: T) -> None:
        """Keep `value` in the instance."""
        instance.__dict__[self.attribute] = value


class Parameter(Setting[T]):
    """A configuration parameter; without a default it is required."""

    # One overload per legal type: `Parameter(int, default="x")` must not be solved as `object`.
    @overload
    def __init__(
        self: Parameter[bool],
        type: type[bool],
        /,
        *,
        default: bool | Unset = ...,
        **options: Unpack[ParameterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[MemorySize],
        type: type[MemorySize],
        /,
        *,
        default: MemorySize | Unset = ...,
        **options: Unpack[ParameterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[int],
        type: type[int],
        /,
        *,
        default: int | Unset = ...,
        **options: Unpack[ParameterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[float],
        type: type[float],
        /,
        *,
        default: float | Unset = ...,
        **options: Unpack[ParameterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[str | None],
        type: type[str],
        /,
        *,
        default: None,
        **options: Unpack[TextOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[str],
        type: type[str],
        /,
        *,
        default: str | Unset = ...,
        **options: Unpack[TextOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[timedelta],
        type: type[timedelta],
        /,
        *,
        default: timedelta | Unset = ...,
        **options: Unpack[ParameterOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: Parameter[E],
        type: type[E],
        /,
        *,
        default: E | Unset = ...,
        **options: Unpack[ParameterOptions],
    ) -> None: ...
    def __init__(
        self,
        type: type[Any],
        /,
        *,
        default: Any = UNSET,
        **options: Unpack[TextOptions],
    ) -> None:
        """Declare one of `type`: bool, int, float, str, timedelta, MemorySize or an enum."""
        self.type = type
        self.default = default
        self.name = options.get("name", "")
        self.description = options.get("description", "")
        self.pattern = options.get("pattern")
        self.secret = options.get("secret", False)

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is UNSET

    def parse(self, text: str) -> T:
        """The value that `text` stands for.

        Raises:
            ValueError: with a sentence that says what is expected.
        """
        return cast("T", parse_value(kind_of(self.type), text, self.pattern, choices(self.type)))


class VolumeMount(Setting[Path]):
    """A directory that the platform mounts; reads as a `Path`, elsewhere in the sandbox."""

    def __init__(
        self, path: str, /, *, access: Access = "ReadOnlyMany", name: str | None = None
    ) -> None:
        """Declare a mount at the absolute `path` of the pod."""
        self.path = path
        self.access: Access = access
        self.name = name or ""


Kind = Literal["bool", "int", "float", "string", "duration", "memory-size", "enum"]
_KINDS: Mapping[type, Kind] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    timedelta: "duration",
    MemorySize: "memory-size",
}


def kind_of(type_: type) -> Kind:
    """The word for a parameter's type in descriptors.

    Raises:
        ValueError: when parameters of this type do not exist.
    """
    if issubclass(type_, Enum):
        return "enum"
    if type_ not in _KINDS:
        legal = ", ".join(known.__name__ for known in _KINDS)
        raise ValueError(f"{getattr(type_, '__name__', type_)} is not one of {legal} or an enum")
    return _KINDS[type_]


def choices(type_: type) -> Mapping[str, Any]:
    """What an enum's members are called in configuration: their values as text, and their names."""
    if not issubclass(type_, Enum):
        return {}
    by_name = {member.name: member for member in type_}
    return by_name | {str(member.value): member for member in type_}


def parse_value(kind: Kind, text: str, pattern: str | None, members: Mapping[str, Any]) -> Any:
    """Read `text` as a value of `kind`; the check that `deploy` and the runtime share.

    Raises:
        ValueError: with a sentence that says what is expected.
    """
    if kind == "string":
        return _matching(text, pattern)
    if kind == "enum":
        if text in members:
            return members[text]
        raise ValueError(f"{text!r} is not one of {', '.join(sorted(map(repr, members)))}")
    return _READERS[kind](text.strip())


def value_text(value: object) -> str:
    """The text that `parse_value` reads back as `value`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, timedelta):
        return f"{value / timedelta(microseconds=1):.0f}us"
    if isinstance(value, MemorySize):
        return str(int(value))
    return str(value)


def _matching(text: str, pattern: str | None) -> str:
    # DOTALL: a multi-line text is a text too.
    if pattern is not None and re.fullmatch(pattern, text, re.DOTALL) is None:
        raise ValueError(f"{text!r} does not match the pattern {pattern!r}")
    return text


def _bool(text: str) -> bool:
    if text.lower() in {"true", "yes", "on"}:
        return True
    if text.lower() in {"false", "no", "off"}:
        return False
    raise ValueError(f"{text!r} is not a boolean; write true or false")


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


_MICROSECONDS: Mapping[str, float] = {
    alias: microseconds
    for aliases, microseconds in (
        ("ns nano nanos nanosecond nanoseconds", 1e-3),
        ("us micro micros microsecond microseconds", 1),
        (" ms milli millis millisecond milliseconds", 1e3),
        ("s sec second seconds", 1e6),
        ("m min minute minutes", 6e7),
        ("h hour hours", 3.6e9),
        ("d day days", 8.64e10),
        ("w week weeks", 6.048e11),
    )
    for alias in aliases.split()
}
_ISO_DURATION = TypeAdapter(timedelta)


def parse_duration(text: str) -> timedelta:
    """Read `2 minutes`, `500ms`, `PT2M`; a bare number is milliseconds, as in HOCON.

    Raises:
        ValueError: when it is none of these.
    """
    match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text)
    try:
        if match is not None and (unit := match[2].lower() or "ms") in _MICROSECONDS:
            return timedelta(microseconds=float(match[1]) * _MICROSECONDS[unit])
        if text[:2].upper().lstrip("-+").startswith("P"):
            return _ISO_DURATION.validate_python(text)
    except (OverflowError, ValidationError):
        pass
    raise ValueError(f"{text!r} is not a duration; write one like 500ms, 2 minutes or PT2M")


# HOCON: one letter and the -i forms are powers of 1024, kB and MB are powers of 1000.
_BYTES: Mapping[str, int] = {
    alias: 1024**power if binary else 1000**power
    for power, letter in enumerate(" kmgtpe")
    for binary, aliases in (
        (True, (letter, f"{letter}i", f"{letter}ib")),
        (False, (f"{letter}b",)),
    )
    for alias in (item.strip() for item in aliases)
}


def parse_memory_size(text: str) -> MemorySize:
    """Read `512`, `32M`, `1Gi` or `10kB` as a number of bytes.

    Raises:
        ValueError: when it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text)
    if match is None or match[2].lower() not in _BYTES:
        raise ValueError(f"{text!r} is not a memory size; write one like 512, 32M or 1Gi")
    return MemorySize(float(match[1]) * _BYTES[match[2].lower()])


_READERS: Mapping[str, Any] = {
    "bool": _bool,
    "int": _int,
    "float": _float,
    "duration": parse_duration,
    "memory-size": parse_memory_size,
}
