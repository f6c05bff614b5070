"""What can be wrong with what a streamlet class declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from streamlet_sdk.blueprint.problems.loading import ClassProblem
from streamlet_sdk.blueprint.problems.stated import UnknownName


@dataclass(frozen=True, kw_only=True)
class ReservedName(ClassProblem):
    """An attribute hides something that the platform calls or sets."""

    attribute: str
    says: ClassVar[str] = "the name {attribute!r} belongs to the platform."
    advises: ClassVar[str] = "Rename the attribute; `name=` sets the name in documents."


@dataclass(frozen=True, kw_only=True)
class OwnConstructor(ClassProblem):
    """A class with its own `__init__` cannot be made by the platform."""

    says: ClassVar[str] = "the class has an `__init__` of its own."
    advises: ClassVar[str] = "Make state in `async def start(self)`."


@dataclass(frozen=True, kw_only=True)
class AbstractClass(ClassProblem):
    """A class with abstract methods has no instances."""

    methods: tuple[str, ...]
    says: ClassVar[str] = "the class leaves abstract: {methods}."
    advises: ClassVar[str] = "Define them, or name a subclass in the blueprint."


@dataclass(frozen=True, kw_only=True)
class MutableAttribute(ClassProblem):
    """A mutable class attribute is shared by instances in the sandbox and separate in pods."""

    attribute: str
    found: str
    says: ClassVar[str] = "the class attribute {attribute!r} is a {found}, which can change."
    advises: ClassVar[str] = (
        "Make state in `async def start(self)`; make a constant a tuple, a frozenset or a "
        "`types.MappingProxyType`."
    )


@dataclass(frozen=True, kw_only=True)
class InvalidPortName(ClassProblem):
    """Names of ports become parts of names of topics and consumer groups."""

    name: str
    says: ClassVar[str] = "{name!r} cannot be the name of a port."
    advises: ClassVar[str] = (
        "Use lower-case letters, digits and dashes inside, at most 63 characters."
    )


@dataclass(frozen=True, kw_only=True)
class DuplicatePortName(ClassProblem):
    """Two ports of a class have one name, so that a blueprint cannot tell them apart."""

    name: str
    other: str
    says: ClassVar[str] = "the port {name!r} has the same name as that of {other!r}."
    advises: ClassVar[str] = "Give one of them another name with `name=`."


@dataclass(frozen=True, kw_only=True)
class DeadLetterPortTaken(ClassProblem):
    """A port has the name of the outlet that the platform makes for an inlet's dead letters."""

    name: str
    inlet: str
    says: ClassVar[str] = "{name!r} is the port of the dead letters of inlet {inlet!r}."
    advises: ClassVar[str] = "Give the port another name."


@dataclass(frozen=True, kw_only=True)
class InvalidSchema(ClassProblem):
    """The type or the schema file of a port cannot be used as a schema."""

    port: str
    reason: str
    says: ClassVar[str] = "the port {port!r} has no usable schema: {reason}."
    advises: ClassVar[str] = "Correct the type or the schema file of the port."


@dataclass(frozen=True, kw_only=True)
class InvalidOption(ClassProblem):
    """An option of a handler or a source with a value that means nothing."""

    option: str
    value: str
    expected: str
    says: ClassVar[str] = "{option} cannot be {value}."
    advises: ClassVar[str] = "Give {expected}."


@dataclass(frozen=True, kw_only=True)
class InletWithoutHandler(ClassProblem):
    """Nothing in the class takes the records of an inlet."""

    inlet: str
    attribute: str
    says: ClassVar[str] = "the inlet {inlet!r} has no handler."
    advises: ClassVar[str] = "Mark one method with `@{attribute}.each` or `@{attribute}.batches()`."


@dataclass(frozen=True, kw_only=True)
class ManyHandlers(ClassProblem):
    """Several methods want to take the records of one inlet."""

    inlet: str
    methods: tuple[str, ...]
    says: ClassVar[str] = "the inlet {inlet!r} has several handlers: {methods}."
    advises: ClassVar[str] = "Keep one of them; it may call the others."


@dataclass(frozen=True, kw_only=True)
class HandlerOfUnknownInlet(ClassProblem, UnknownName):
    """A method is the handler of an inlet that the class does not have."""

    method: str
    says: ClassVar[str] = "{method!r} handles the inlet {name!r}, which the class does not have."
    advises: ClassVar[str] = "Inlets of the class: {known}."


@dataclass(frozen=True, kw_only=True)
class WrongSignature(ClassProblem):
    """A handler, source or route that the platform could not call."""

    method: str
    found: str
    expected: str
    says: ClassVar[str] = "{method!r} takes {found}."
    advises: ClassVar[str] = "Let it take {expected}."


@dataclass(frozen=True, kw_only=True)
class NotAMethod(ClassProblem):
    """What a parent marked as a handler, source or route is hidden by something else."""

    method: str
    found: str
    says: ClassVar[str] = "{method!r} should be a method and is {found!r}."
    advises: ClassVar[str] = "Define it as a method, or rename what hides it."


@dataclass(frozen=True, kw_only=True)
class SourceNotGenerator(ClassProblem):
    """A source that returns instead of yielding."""

    source: str
    says: ClassVar[str] = "the source {source!r} is not a generator."
    advises: ClassVar[str] = "Let it `yield` what it emits."


@dataclass(frozen=True, kw_only=True)
class DuplicateSourceName(ClassProblem):
    """Two sources of a class have one name, under which their positions are stored."""

    name: str
    other: str
    says: ClassVar[str] = "the source has the same name, {name!r}, as {other!r}."
    advises: ClassVar[str] = "Rename one of the two methods."


@dataclass(frozen=True, kw_only=True)
class RouteOutsideServer(ClassProblem):
    """A route in a class that does not listen."""

    method: str
    says: ClassVar[str] = "{method!r} is a route, and the class is no server."
    advises: ClassVar[str] = "Derive the class from `streamlet_sdk.ingress.HttpServer`."


@dataclass(frozen=True, kw_only=True)
class InvalidRoute(ClassProblem):
    """A route that no request could ever reach, or that two methods want."""

    method: str
    reason: str
    says: ClassVar[str] = "the route of {method!r} is not possible: {reason}."
    advises: ClassVar[str] = "Correct the path or the methods."


@dataclass(frozen=True, kw_only=True)
class IngressOutlets(ClassProblem):
    """An `HttpIngress` writes what it is sent to its one outlet."""

    outlets: tuple[str, ...]
    says: ClassVar[str] = "an HttpIngress has exactly one outlet; this one has: {outlets}."
    advises: ClassVar[str] = "Declare one outlet, or use `HttpServer` with own routes."


@dataclass(frozen=True, kw_only=True)
class InvalidParameterName(ClassProblem):
    """Names of parameters are keys in configuration."""

    name: str
    says: ClassVar[str] = "{name!r} cannot be the name of a parameter."
    advises: ClassVar[str] = "Begin with a letter; use letters, digits and single dashes."


@dataclass(frozen=True, kw_only=True)
class DuplicateParameterName(ClassProblem):
    """Two parameters of a class have one name in configuration."""

    name: str
    other: str
    says: ClassVar[str] = "the parameter {name!r} has the same name as that of {other!r}."
    advises: ClassVar[str] = "Give one of them another name with `name=`."


@dataclass(frozen=True, kw_only=True)
class IllegalParameterType(ClassProblem):
    """Parameters exist of some types only: those that can be written in configuration."""

    parameter: str
    reason: str
    says: ClassVar[str] = "the parameter {parameter!r} has no legal type: {reason}."
    advises: ClassVar[str] = "Choose one of them."


@dataclass(frozen=True, kw_only=True)
class InvalidPattern(ClassProblem):
    """A parameter's pattern is no regular expression, or the parameter is no text."""

    parameter: str
    reason: str
    says: ClassVar[str] = "the pattern of parameter {parameter!r} cannot be used: {reason}."
    advises: ClassVar[str] = "Correct or remove it."


@dataclass(frozen=True, kw_only=True)
class InvalidDefault(ClassProblem):
    """A default that could not be given as a value."""

    parameter: str
    reason: str
    says: ClassVar[str] = "the default of parameter {parameter!r} cannot be used: {reason}."
    advises: ClassVar[str] = "Correct or remove it."


@dataclass(frozen=True, kw_only=True)
class SecretNotText(ClassProblem):
    """Only texts can be secret."""

    parameter: str
    kind: str
    says: ClassVar[str] = "the parameter {parameter!r} is secret and of type {kind}."
    advises: ClassVar[str] = "Make it a `str`, or drop `secret=True`."


@dataclass(frozen=True, kw_only=True)
class InvalidVolumeMountName(ClassProblem):
    """Names of volume mounts become names in Kubernetes."""

    name: str
    says: ClassVar[str] = "{name!r} cannot be the name of a volume mount."
    advises: ClassVar[str] = (
        "Use lower-case letters, digits and dashes inside, at most 63 characters."
    )


@dataclass(frozen=True, kw_only=True)
class DuplicateVolumeMountName(ClassProblem):
    """Two volume mounts of a class have one name."""

    name: str
    other: str
    says: ClassVar[str] = "the volume mount {name!r} has the same name as that of {other!r}."
    advises: ClassVar[str] = "Give one of them another name with `name=`."


@dataclass(frozen=True, kw_only=True)
class DuplicateVolumeMountPath(ClassProblem):
    """Two volume mounts of a class would hide each other."""

    mount_path: str
    other: str
    says: ClassVar[str] = "{mount_path!r} is also the path of {other!r}."
    advises: ClassVar[str] = "Mount each at a directory of its own."


@dataclass(frozen=True, kw_only=True)
class EmptyVolumeMountPath(ClassProblem):
    """A volume mount without a path."""

    name: str
    says: ClassVar[str] = "the volume mount {name!r} has no path."
    advises: ClassVar[str] = "Give an absolute path, like `/models`."


@dataclass(frozen=True, kw_only=True)
class RelativeVolumeMountPath(ClassProblem):
    """The path of a volume mount does not begin at the root."""

    name: str
    mount_path: str
    says: ClassVar[str] = "the path {mount_path!r} of volume mount {name!r} is not absolute."
    advises: ClassVar[str] = "Begin it with `/`."


@dataclass(frozen=True, kw_only=True)
class BacktrackingVolumeMountPath(ClassProblem):
    """The path of a volume mount goes up again."""

    name: str
    mount_path: str
    says: ClassVar[str] = "the path {mount_path!r} of volume mount {name!r} goes back with `..`."
    advises: ClassVar[str] = "Write the path that is meant."


@dataclass(frozen=True, kw_only=True)
class IllegalAccess(ClassProblem):
    """Volumes are mounted in one of three ways."""

    name: str
    access: str
    says: ClassVar[str] = "the volume mount {name!r} has the access {access!r}."
    advises: ClassVar[str] = "Choose ReadOnlyMany, ReadWriteMany or ReadWriteOnce."
