"""Reads what the resource holds as text or free form into the SDK's values, collecting problems.

What cannot be read is left out and reported once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from cloudflow_operator.desired.problems import UnreadableDescriptor
from streamlet_sdk.blueprint.descriptor import (
    Descriptor,
    ParameterDescriptor,
    PortDescriptor,
    ServerDescriptor,
    SourceDescriptor,
    VolumeMountDescriptor,
    class_path,
)
from streamlet_sdk.blueprint.problems.documents import InvalidSetting, UnknownKey
from streamlet_sdk.blueprint.reading import dotted
from streamlet_sdk.contract import DeliveryOverride, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudflow_operator.api import v1alpha1
    from cloudflow_operator.desired.effective import EffectiveStreamlet
    from streamlet_sdk.problems import Problem

M = TypeVar("M", bound=BaseModel)
SETTINGS = tuple(name.replace("_", "-") for name in Settings.model_fields)


@dataclass(frozen=True, slots=True)
class Told:
    """What is set of a streamlet's engine, read.

    Attributes:
        delivery: what is set of policies, by inlet.
    """

    settings: Settings
    delivery: Mapping[str, DeliveryOverride]


@dataclass(frozen=True, slots=True)
class Readings:
    """All that could be read of an application, and what could not.

    Attributes:
        classes: descriptors by `package.module:Class`; their schemas have no text.
        told: by streamlet, for every streamlet.
    """

    classes: Mapping[str, Descriptor]
    told: Mapping[str, Told]
    problems: tuple[Problem, ...]


def read(
    descriptors: Iterable[v1alpha1.Descriptor], streamlets: Iterable[EffectiveStreamlet]
) -> Readings:
    """Read what an application has of descriptors, and what is set of its streamlets."""
    problems: list[Problem] = []
    classes = _classes(descriptors, problems)
    told = {one.name: _told(one, problems) for one in streamlets}
    return Readings(classes, told, tuple(problems))


def _classes(
    written: Iterable[v1alpha1.Descriptor], problems: list[Problem]
) -> Mapping[str, Descriptor]:
    found: dict[str, Descriptor] = {}
    for one in written:
        name = name_of(one)
        try:
            found[name] = _descriptor(one, name)
        except ValidationError as error:
            path = dotted(("spec", "descriptors", one.class_name))
            reason = "; ".join(f"{place}: {why}" for place, why in _faults(error))
            problems.append(UnreadableDescriptor(path=path, class_name=name, reason=reason))
    return found


def name_of(written: v1alpha1.Descriptor) -> str:
    """The class of a descriptor, as `package.module:Class`."""
    return class_path(written.class_name) or written.class_name


def _told(streamlet: EffectiveStreamlet, problems: list[Problem]) -> Told:
    place = ("spec", "streamlets", streamlet.name)
    delivery: dict[str, DeliveryOverride] = {}
    for inlet, one in streamlet.delivery.items():
        document = one.model_dump(by_alias=True, exclude_none=True, exclude={"inlet"})
        try:
            delivery[inlet] = DeliveryOverride.model_validate(document)
        except ValidationError as error:
            problems.extend(_invalid((*place, "delivery", inlet), error))
    return Told(_settings(streamlet.settings, (*place, "settings"), problems), delivery)


def _settings(
    written: Mapping[str, str], place: tuple[str, ...], problems: list[Problem]
) -> Settings:
    known = {key: text for key, text in written.items() if key in SETTINGS}
    problems.extend(
        UnknownKey(path=dotted((*place, key)), name=key, known=SETTINGS)
        for key in written
        if key not in known
    )
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        problems.extend(_invalid(place, error))
        return Settings()


def _invalid(place: tuple[str, ...], error: ValidationError) -> Iterator[Problem]:
    for keys, reason in _faults(error):
        yield InvalidSetting(path=dotted((*place, *keys.split("."))), setting=keys, reason=reason)


def _faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    for one in error.errors(include_url=False, include_input=False):
        place = ".".join(map(str, one["loc"]))
        yield place, one["msg"].removeprefix("Value error, ")


def _descriptor(written: v1alpha1.Descriptor, name: str) -> Descriptor:
    server = written.server
    return Descriptor(
        class_name=name,
        runtime=written.runtime,
        description=written.description,
        inlets=tuple(map(_port, written.inlets)),
        outlets=tuple(map(_port, written.outlets)),
        parameters=tuple(_known(ParameterDescriptor, one) for one in written.parameters),
        volume_mounts=tuple(_known(VolumeMountDescriptor, one) for one in written.volume_mounts),
        sources=tuple(_known(SourceDescriptor, one) for one in written.sources),
        server=None if server is None else _known(ServerDescriptor, server),
    )


def _port(written: v1alpha1.Port) -> PortDescriptor:
    schema = {**written.schema_.model_dump(), "text": ""}
    document = written.model_dump(by_alias=True, exclude={"schema_", "delivery"})
    delivery = _known(DeliveryOverride, written.delivery) if written.delivery else None
    return PortDescriptor.model_validate({**document, "schema": schema, "delivery": delivery})


def _known(model: type[M], document: Mapping[str, Any]) -> M:
    """A part of a descriptor; what a later SDK writes besides is let pass."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    return model.model_validate({key: value for key, value in document.items() if key in names})
