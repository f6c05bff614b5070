"""A streamlet class becomes a `Descriptor`, or the problems of what it declares.

Nothing is instantiated, connected or called: ports, parameters, mounts and the marks of methods
are read from the class. Called by `describe` in its sub-process, and by the test kit.
"""

from __future__ import annotations

import inspect
from collections.abc import MutableMapping, MutableSequence, MutableSet
from typing import TYPE_CHECKING, Any, Final

from streamlet_sdk.blueprint import methods, values
from streamlet_sdk.blueprint.declared import Declared
from streamlet_sdk.blueprint.descriptor import (
    Descriptor,
    PortDescriptor,
    SchemaDescriptor,
    delivery_data,
)
from streamlet_sdk.blueprint.legality import is_label
from streamlet_sdk.blueprint.problems.classes import (
    AbstractClass,
    DeadLetterPortTaken,
    DuplicatePortName,
    InvalidPortName,
    InvalidSchema,
    MutableAttribute,
    OwnConstructor,
    ReservedName,
)
from streamlet_sdk.contract import dead_letter_port
from streamlet_sdk.errors import MissingExtraError, SchemaError
from streamlet_sdk.handlers import MARK
from streamlet_sdk.serde import PortOptions, port_schema
from streamlet_sdk.streamlet import Streamlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamlet_sdk.ports import Inlet, Outlet
    from streamlet_sdk.problems import Problem

RESERVED: Final = ("start", "stop", "context", "partitions_assigned", "partitions_revoked")
_MUTABLE = (MutableSequence, MutableMapping, MutableSet, bytearray)


def describe(
    cls: type[Streamlet], class_name: str
) -> tuple[Descriptor | None, tuple[Problem, ...]]:
    """Describe one class: either its descriptor, or every problem of it.

    Args:
        cls: looked at, never instantiated.
        class_name: `package.module:Class`, as the blueprint names it.
    """
    declared = Declared(cls, class_name)
    schemas: dict[str, SchemaDescriptor] = {}
    problems = [one for check in CHECKS for one in check(declared)]
    problems += _read_schemas(declared, schemas)
    if problems:
        return None, tuple(problems)
    return _descriptor(declared, schemas), ()


def class_problems(declared: Declared) -> Iterator[Problem]:
    """Classes that the platform could not make or use: constructor, abstract, hidden names."""
    cls, class_name = declared.cls, declared.class_name
    if cls.__init__ is not Streamlet.__init__:
        yield OwnConstructor(path=declared.path("__init__"), class_name=class_name)
    if inspect.isabstract(cls):
        names = tuple(sorted(getattr(cls, "__abstractmethods__", ())))
        yield AbstractClass(path=class_name, class_name=class_name, methods=names)
    for name in RESERVED:
        item = declared.attributes.get(name)
        if item is vars(Streamlet).get(name):
            continue
        if name == "context" or not callable(item) or hasattr(item, MARK):
            yield ReservedName(path=declared.path(name), class_name=class_name, attribute=name)


def mutable_attributes(declared: Declared) -> Iterator[Problem]:
    """Class attributes that instances would share."""
    for name, item in declared.attributes.items():
        if isinstance(item, _MUTABLE) and not name.startswith("__"):
            yield MutableAttribute(
                path=declared.path(name),
                class_name=declared.class_name,
                attribute=name,
                found=type(item).__name__,
            )


def port_problems(declared: Declared) -> Iterator[Problem]:
    """Names of ports that are illegal, used twice or the platform's."""
    class_name = declared.class_name
    inlets = {dead_letter_port(inlet.name): inlet.name for inlet in declared.inlets.values()}
    first: dict[str, str] = {}
    for attribute, port in _ports(declared):
        path, name = declared.path(attribute), port.name
        if not is_label(name):
            yield InvalidPortName(path=path, class_name=class_name, name=name)
        if name in inlets:
            yield DeadLetterPortTaken(
                path=path, class_name=class_name, name=name, inlet=inlets[name]
            )
        other = first.setdefault(name, attribute)
        if other != attribute:
            yield DuplicatePortName(path=path, class_name=class_name, name=name, other=other)


CHECKS: Final[tuple[Callable[[Declared], Iterator[Problem]], ...]] = (
    class_problems,
    mutable_attributes,
    port_problems,
    methods.handler_problems,
    methods.option_problems,
    methods.source_problems,
    methods.server_problems,
    values.parameter_problems,
    values.mount_problems,
)


def _ports(declared: Declared) -> Iterator[tuple[str, Inlet[Any] | Outlet[Any]]]:
    yield from declared.inlets.items()
    yield from declared.outlets.items()


def _read_schemas(declared: Declared, found: dict[str, SchemaDescriptor]) -> Iterator[Problem]:
    """Fill `found` with the schema of each port by attribute; problems of those without one."""
    for attribute, port in _ports(declared):
        options = PortOptions(
            avro=port.avro,
            format=port.format,
            codec=port.codec,
            module=(port.owner or declared.cls).__module__,
        )
        try:
            schema = port_schema(port.schema, options)
        except (SchemaError, MissingExtraError) as error:
            yield InvalidSchema(
                path=declared.path(attribute),
                class_name=declared.class_name,
                port=port.name,
                reason=str(error),
            )
        else:
            found[attribute] = SchemaDescriptor(
                format=schema.format,
                name=schema.name,
                text=schema.text,
                fingerprint=schema.fingerprint,
            )


def _descriptor(declared: Declared, schemas: dict[str, SchemaDescriptor]) -> Descriptor:
    outlets = [
        PortDescriptor(name=outlet.name, schema=schemas[attribute])
        for attribute, outlet in declared.outlets.items()
    ]
    return Descriptor(
        class_name=declared.class_name,
        description=_description(declared.cls),
        inlets=tuple(_inlets(declared, schemas)),
        outlets=(*outlets, *_dead_letters(declared)),
        parameters=values.parameters(declared),
        volume_mounts=values.mounts(declared),
        sources=methods.sources(declared),
        server=methods.server(declared),
    )


def _inlets(declared: Declared, schemas: dict[str, SchemaDescriptor]) -> Iterator[PortDescriptor]:
    kinds = methods.handler_kinds(declared)
    for attribute, inlet in declared.inlets.items():
        yield PortDescriptor(
            name=inlet.name,
            schema=schemas[attribute],
            handler=kinds[inlet.name],
            tombstones=inlet.tombstones,
            broadcast=inlet.broadcast,
            start=inlet.start,
            delivery=delivery_data(inlet.delivery),
        )


def _dead_letters(declared: Declared) -> Iterator[PortDescriptor]:
    untouched = port_schema(bytes, PortOptions())
    for inlet in declared.inlets.values():
        yield PortDescriptor(
            name=dead_letter_port(inlet.name),
            schema=SchemaDescriptor(
                format=untouched.format,
                name=untouched.name,
                text=untouched.text,
                fingerprint=untouched.fingerprint,
            ),
            dead_letters_of=inlet.name,
        )


def _description(cls: type) -> str:
    # A parent's docstring, `Streamlet`'s above all, says nothing about this class.
    return inspect.cleandoc(vars(cls).get("__doc__") or "")
