"""What holds for each streamlet once overrides, the streamlet and its runtime are merged.

An override wins over the streamlet, the streamlet over its runtime, field by field: parameters by
name, settings by key, delivery by inlet, claims by mount. Pod templates are not merged here but
kept in order, since a patch may hold directives for what stands below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamlet_sdk.blueprint.reading import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflow_operator.api.v1alpha1 import (
        Delivery,
        Override,
        Parameter,
        Runtime,
        Spec,
        Streamlet,
        StreamletSettings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A strategic merge patch of a pod template, and where in the resource it stands."""

    path: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveStreamlet:
    """A streamlet with everything that is set of it.

    Attributes:
        replicas: None leaves the count to others, such as an autoscaler.
        parameters: by name.
        settings: of the engine, by key; those of its runtime included.
        delivery: what is set of policies, by inlet.
        claims: names of PersistentVolumeClaims by mount.
        patches: of its pod template, in the order in which they are applied.
    """

    name: str
    class_name: str
    runtime: str
    image: str
    replicas: int | None
    parameters: Mapping[str, Parameter]
    settings: Mapping[str, str]
    delivery: Mapping[str, Delivery]
    claims: Mapping[str, str]
    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The streamlets of an application as they shall be.

    Attributes:
        streamlets: by name, in the resource's order.
        ignored: names of overrides whose streamlet is gone.
        origins: where a value really stands, by the path that it has below its streamlet.
    """

    streamlets: Mapping[str, EffectiveStreamlet]
    ignored: tuple[str, ...]
    origins: Mapping[str, str]


def effective(spec: Spec) -> Effective:
    """Merge the layers of an application."""
    overrides = {one.name: one for one in spec.overrides}
    runtimes = {one.name: one for one in spec.runtimes}
    names = {one.name for one in spec.streamlets}
    origins: dict[str, str] = {}
    for one in spec.streamlets:
        origins.update(_origins(one, overrides.get(one.name), runtimes.get(one.runtime)))
    return Effective(
        streamlets={
            one.name: _streamlet(
                one, overrides.get(one.name), runtimes.get(one.runtime), one.image or spec.image
            )
            for one in spec.streamlets
        },
        ignored=tuple(name for name in overrides if name not in names),
        origins=origins,
    )


def _streamlet(
    streamlet: Streamlet, override: Override | None, runtime: Runtime | None, image: str
) -> EffectiveStreamlet:
    layers = (streamlet,) if override is None else (streamlet, override)
    delivery: dict[str, Delivery] = {}
    for layer in layers:
        for one in layer.delivery:
            lower = delivery.get(one.inlet)
            delivery[one.inlet] = one if lower is None else _over(one, lower)
    replicas = [layer.replicas for layer in layers if layer.replicas is not None]
    settings = dict(runtime.settings) if runtime is not None else {}
    for layer in layers:
        settings |= layer.settings
    return EffectiveStreamlet(
        name=streamlet.name,
        class_name=streamlet.class_name,
        runtime=streamlet.runtime,
        image=image,
        replicas=replicas[-1] if replicas else None,
        parameters={one.name: one for layer in layers for one in layer.parameters},
        settings=settings,
        delivery=delivery,
        claims={one.mount: one.claim_name for layer in layers for one in layer.volume_claims},
        patches=tuple(_patches(streamlet, override, runtime)),
    )


def _over(upper: Delivery, lower: Delivery) -> Delivery:
    """Every part of `upper` that is set, over `lower`."""
    update = upper.model_dump(exclude_none=True, exclude={"retry"})
    if upper.retry is not None:
        below = lower.retry
        waits = upper.retry.model_dump(exclude_none=True)
        update["retry"] = upper.retry if below is None else below.model_copy(update=waits)
    return lower.model_copy(update=update)


def _patches(
    streamlet: Streamlet, override: Override | None, runtime: Runtime | None
) -> Iterator[Patch]:
    places = (("runtimes", runtime), ("streamlets", streamlet), ("overrides", override))
    for section, layer in places:
        if layer is not None and layer.pod_template:
            path = dotted(("spec", section, layer.name, "podTemplate"))
            yield Patch(path=path, content=layer.pod_template)


def _origins(
    streamlet: Streamlet, override: Override | None, runtime: Runtime | None
) -> Iterator[tuple[str, str]]:
    here = ("spec", "streamlets", streamlet.name)
    for key in runtime.settings if runtime is not None else ():
        if key not in streamlet.settings:
            place = ("spec", "runtimes", streamlet.runtime, "settings", key)
            yield dotted((*here, "settings", key)), dotted(place)
    if override is not None:
        for keys in _set(override):
            yield dotted((*here, *keys)), dotted(("spec", "overrides", streamlet.name, *keys))


def _set(layer: StreamletSettings) -> Iterator[tuple[str, ...]]:
    """Every path below a layer at which it sets something."""
    if layer.replicas is not None:
        yield ("replicas",)
    for key in layer.settings:
        yield "settings", key
    for parameter in layer.parameters:
        yield "parameters", parameter.name
    for delivery in layer.delivery:
        yield "delivery", delivery.inlet
    for claim in layer.volume_claims:
        yield "volumeClaims", claim.mount
