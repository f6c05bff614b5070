"""The methods of a streamlet class that play a role: handlers, sources and routes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from streamlet_sdk.blueprint.descriptor import RouteDescriptor, ServerDescriptor, SourceDescriptor
from streamlet_sdk.blueprint.problems.classes import (
    DuplicateSourceName,
    HandlerOfUnknownInlet,
    IngressOutlets,
    InletWithoutHandler,
    InvalidOption,
    InvalidRoute,
    ManyHandlers,
    RouteOutsideServer,
    SourceNotGenerator,
)
from streamlet_sdk.blueprint.signatures import is_generator, signature_problems
from streamlet_sdk.handlers import Batches, Each, Undecodable
from streamlet_sdk.names import port_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.blueprint.declared import Declared
    from streamlet_sdk.blueprint.descriptor import HandlerKind
    from streamlet_sdk.handlers import Route
    from streamlet_sdk.problems import Problem


def handler_kinds(declared: Declared) -> dict[str, HandlerKind]:
    """How each inlet takes its records, by the inlet's name."""
    return {
        role.inlet.name: "each" if isinstance(role, Each) else "batches"
        for role in declared.handlers.values()
    }


def handler_problems(declared: Declared) -> Iterator[Problem]:
    """Inlets without exactly one handler, and handlers that nothing could call."""
    class_name = declared.class_name
    names = {inlet.name for inlet in declared.inlets.values()}
    methods: defaultdict[str, list[str]] = defaultdict(list)
    repairs: defaultdict[str, list[str]] = defaultdict(list)
    for method, role in {**declared.handlers, **declared.repairs}.items():
        repairing = isinstance(role, Undecodable)
        (repairs if repairing else methods)[role.inlet.name].append(method)
        if role.inlet.name not in names:
            yield HandlerOfUnknownInlet(
                path=declared.path(method),
                class_name=class_name,
                method=method,
                name=role.inlet.name,
                known=tuple(sorted(names)),
            )
        counts = (2,) if repairing else (1, 2)
        expected = "the bytes and the error" if repairing else _arguments(role)
        yield from signature_problems(
            declared.cls, class_name, method, counts=counts, expected=expected
        )
    for attribute, inlet in declared.inlets.items():
        path = declared.path(attribute)
        if not methods[inlet.name]:
            yield InletWithoutHandler(
                path=path, class_name=class_name, inlet=inlet.name, attribute=attribute
            )
        for found in (methods[inlet.name], repairs[inlet.name]):
            if len(found) > 1:
                yield ManyHandlers(
                    path=path, class_name=class_name, inlet=inlet.name, methods=tuple(found)
                )


def _arguments(role: Each | Batches | Undecodable) -> str:
    if isinstance(role, Batches):
        return "the list of values and, if it wants them, the list of records"
    return "the value and, if it wants it, the record"


def option_problems(declared: Declared) -> Iterator[Problem]:
    """Options of handlers and sources that mean nothing."""
    for method, role in declared.roles.items():
        for option in ("concurrency", "max_records", "max_in_flight"):
            value = getattr(role, option, None)
            if value is not None and value < 1:
                yield _option(declared, method, option, value=value, expected="1 or more")
        ordered_by = getattr(role, "ordered_by", None)
        if ordered_by not in {None, "key", "partition"}:
            expected = "'key', 'partition' or None"
            yield _option(declared, method, "ordered_by", value=ordered_by, expected=expected)
    for attribute, inlet in declared.inlets.items():
        if inlet.start not in {"earliest", "latest"}:
            yield _option(
                declared, attribute, "start", value=inlet.start, expected="'earliest' or 'latest'"
            )


def _option(
    declared: Declared, attribute: str, option: str, *, value: Any, expected: str
) -> Problem:
    return InvalidOption(
        path=declared.path(attribute),
        class_name=declared.class_name,
        option=option,
        value=repr(value),
        expected=expected,
    )


def sources(declared: Declared) -> tuple[SourceDescriptor, ...]:
    """The sources of a class."""
    return tuple(
        SourceDescriptor(
            name=port_name(method),
            every=role.every,
            position=role.position is not None,
            replicated=role.replicated,
        )
        for method, role in declared.sources.items()
    )


def source_problems(declared: Declared) -> Iterator[Problem]:
    """Sources that do not yield, cannot be called, or share a name."""
    class_name = declared.class_name
    first: dict[str, str] = {}
    for method, role in declared.sources.items():
        path, name = declared.path(method), port_name(method)
        expected = "nothing but self" if role.position is None else "the position"
        counts = (0,) if role.position is None else (1,)
        wrong = list(
            signature_problems(declared.cls, class_name, method, counts=counts, expected=expected)
        )
        yield from wrong
        if not wrong and not is_generator(declared.cls, method):
            yield SourceNotGenerator(path=path, class_name=class_name, source=method)
        if role.replicated and role.position is not None:
            # One position is kept for a source; replicas would take it from each other for ever.
            yield _option(
                declared, method, "replicated", value=True, expected="no position, or one replica"
            )
        other = first.setdefault(name, method)
        if other != method:
            yield DuplicateSourceName(path=path, class_name=class_name, name=name, other=other)


def server(declared: Declared) -> ServerDescriptor | None:
    """What a class offers over HTTP; None when it does not listen."""
    kind = _server_kind(declared)
    if kind is None:
        return None
    outlets = [outlet.name for outlet in declared.outlets.values()]
    return ServerDescriptor(
        ingress=outlets[0] if kind == "ingress" and outlets else None,
        routes=tuple(
            RouteDescriptor(path=role.path, methods=tuple(role.methods))
            for role in declared.routes.values()
        ),
    )


def server_problems(declared: Declared) -> Iterator[Problem]:
    """Routes that do not work where they are, and an ingress without its one outlet."""
    class_name, kind = declared.class_name, _server_kind(declared)
    if kind == "ingress" and len(declared.outlets) != 1:
        names = tuple(outlet.name for outlet in declared.outlets.values())
        yield IngressOutlets(path=class_name, class_name=class_name, outlets=names)
    first: dict[tuple[str, str], str] = {("/", "POST"): "the ingress"} if kind == "ingress" else {}
    for method, role in declared.routes.items():
        path = declared.path(method)
        if kind is None:
            yield RouteOutsideServer(path=path, class_name=class_name, method=method)
        yield from signature_problems(
            declared.cls, class_name, method, counts=(1,), expected="the request"
        )
        for reason in _reasons(role, method, first):
            yield InvalidRoute(path=path, class_name=class_name, method=method, reason=reason)


def _reasons(role: Route, method: str, first: dict[tuple[str, str], str]) -> Iterator[str]:
    if not role.path.startswith("/"):
        yield f"the path {role.path!r} does not begin with a slash"
    if not role.methods:
        yield "it answers no HTTP method"
    for verb in role.methods:
        other = first.setdefault((role.path, verb), method)
        if other != method:
            yield f"{verb} {role.path} belongs to {other} already"


def _server_kind(declared: Declared) -> str | None:
    # The mark that `ingress` sets; importing that here would load a web server for every class.
    kind: str | None = getattr(declared.cls, "__server__", None)
    return kind
