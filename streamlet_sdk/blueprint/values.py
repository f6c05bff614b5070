"""The parameters and volume mounts of a streamlet class."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, get_args

from streamlet_sdk.blueprint.descriptor import ParameterDescriptor, VolumeMountDescriptor
from streamlet_sdk.blueprint.legality import is_label
from streamlet_sdk.blueprint.problems.classes import (
    BacktrackingVolumeMountPath,
    DuplicateParameterName,
    DuplicateVolumeMountName,
    DuplicateVolumeMountPath,
    EmptyVolumeMountPath,
    IllegalAccess,
    IllegalParameterType,
    InvalidDefault,
    InvalidParameterName,
    InvalidPattern,
    InvalidVolumeMountName,
    RelativeVolumeMountPath,
    SecretNotText,
)
from streamlet_sdk.parameters import Access, choices, kind_of, value_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.blueprint.declared import Declared
    from streamlet_sdk.parameters import Parameter, VolumeMount
    from streamlet_sdk.problems import Problem

# Cloudflow's rule, which also let dashes follow each other.
_PARAMETER = re.compile(r"[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*")
ACCESSES: Final = get_args(Access)


def parameters(declared: Declared) -> tuple[ParameterDescriptor, ...]:
    """The parameters of a class without problems."""
    return tuple(
        ParameterDescriptor(
            name=parameter.name,
            attribute=attribute,
            kind=kind_of(parameter.type),
            default=_default_text(parameter),
            required=parameter.required,
            pattern=parameter.pattern,
            description=parameter.description,
            secret=parameter.secret,
            choices=tuple(choices(parameter.type)),
        )
        for attribute, parameter in declared.parameters.items()
    )


def parameter_problems(declared: Declared) -> Iterator[Problem]:
    """What is wrong with the parameters of a class."""
    class_name = declared.class_name
    first: dict[str, str] = {}
    for attribute, parameter in declared.parameters.items():
        path, name = declared.path(attribute), parameter.name
        if _PARAMETER.fullmatch(name) is None:
            yield InvalidParameterName(path=path, class_name=class_name, name=name)
        other = first.setdefault(name, attribute)
        if other != attribute:
            yield DuplicateParameterName(path=path, class_name=class_name, name=name, other=other)
        yield from _type_problems(declared, attribute, parameter)


def _type_problems(
    declared: Declared, attribute: str, parameter: Parameter[Any]
) -> Iterator[Problem]:
    path, class_name, name = declared.path(attribute), declared.class_name, parameter.name
    try:
        kind = kind_of(parameter.type)
    except ValueError as error:
        yield IllegalParameterType(
            path=path, class_name=class_name, parameter=name, reason=str(error)
        )
        return
    if parameter.secret and kind != "string":
        yield SecretNotText(path=path, class_name=class_name, parameter=name, kind=kind)
    reason = _pattern_fault(parameter.pattern, kind)
    if reason is not None:
        yield InvalidPattern(path=path, class_name=class_name, parameter=name, reason=reason)
    elif (reason := _default_fault(parameter)) is not None:
        yield InvalidDefault(path=path, class_name=class_name, parameter=name, reason=reason)


def _pattern_fault(pattern: str | None, kind: str) -> str | None:
    if pattern is None:
        return None
    if kind != "string":
        return f"only texts have one, and this is of type {kind}"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is no regular expression, {error}"
    return None


def _default_fault(parameter: Parameter[Any]) -> str | None:
    default = parameter.default
    if parameter.required or (default is None and parameter.type is str):
        return None
    try:
        read: object = parameter.parse(value_text(default))
    except ValueError as error:
        return str(error)
    # `default="5"` would reach an int's reader as a text that it reads.
    whole_for_float = parameter.type is float and type(default) is int
    if isinstance(default, parameter.type) or whole_for_float:
        return None
    return f"{default!r} is not {parameter.type.__name__}, though its text reads as {read!r}"


def _default_text(parameter: Parameter[Any]) -> str | None:
    if parameter.required or parameter.default is None:
        return None
    return value_text(parameter.default)


def mounts(declared: Declared) -> tuple[VolumeMountDescriptor, ...]:
    """The volume mounts of a class without problems."""
    return tuple(
        VolumeMountDescriptor(
            name=mount.name, attribute=attribute, path=mount.path, access=mount.access
        )
        for attribute, mount in declared.mounts.items()
    )


def mount_problems(declared: Declared) -> Iterator[Problem]:
    """What is wrong with the volume mounts of a class."""
    class_name = declared.class_name
    names: dict[str, str] = {}
    paths: dict[str, str] = {}
    for attribute, mount in declared.mounts.items():
        path, name = declared.path(attribute), mount.name
        if not is_label(name):
            yield InvalidVolumeMountName(path=path, class_name=class_name, name=name)
        other = names.setdefault(name, attribute)
        if other != attribute:
            yield DuplicateVolumeMountName(path=path, class_name=class_name, name=name, other=other)
        other = paths.setdefault(mount.path.rstrip("/"), attribute)
        if other != attribute and mount.path:
            yield DuplicateVolumeMountPath(
                path=path, class_name=class_name, mount_path=mount.path, other=other
            )
        if mount.access not in ACCESSES:
            yield IllegalAccess(path=path, class_name=class_name, name=name, access=mount.access)
        yield from _path_problems(path, class_name, mount)


def _path_problems(path: str, class_name: str, mount: VolumeMount) -> Iterator[Problem]:
    name, mount_path = mount.name, mount.path
    if not mount_path:
        yield EmptyVolumeMountPath(path=path, class_name=class_name, name=name)
    elif not mount_path.startswith("/"):
        yield RelativeVolumeMountPath(
            path=path, class_name=class_name, name=name, mount_path=mount_path
        )
    if ".." in mount_path.split("/"):
        yield BacktrackingVolumeMountPath(
            path=path, class_name=class_name, name=name, mount_path=mount_path
        )
