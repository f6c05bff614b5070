"""The effective configuration of an application, and the layer that each value comes from.

Pure; what `configuration` shows. A resource tells four layers: defaults in code, what it says
itself, what it says of runtimes, and overrides. The files that a resource was made of, it does not
know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.deploying import flat
from cloudflow_operator.desired.intent import Intent
from streamlet_sdk.blueprint.explained import CODE, HIDDEN, Explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cloudflow_cli.application_resource import Manifest
    from cloudflow_operator.api.v1alpha1 import Application
    from streamlet_sdk.blueprint.descriptor import Descriptor

RESOURCE: Final = "resource"
RUNTIME: Final = "runtime"
OVERRIDE: Final = "override"


def explained(application: Application, manifest: Manifest) -> list[Explained]:
    """Every value that is set or has a default, by streamlet and topic; secrets are hidden.

    Args:
        application: read out of `manifest`.
        manifest: as the API server has it.
    """
    spec = manifest["spec"]
    descriptors = Intent(application, {}).descriptors
    overrides = {one["name"]: one for one in spec.get("overrides", ())}
    runtimes = {one["name"]: one for one in spec.get("runtimes", ())}
    found: list[Explained] = []
    for one in spec.get("streamlets", ()):
        name, descriptor = one["name"], descriptors.get(one["name"])
        layers = {
            CODE: _code(descriptor),
            RUNTIME: runtimes.get(one.get("runtime", "python"), {}),
            RESOURCE: one,
            OVERRIDE: overrides.get(name, {}),
        }
        found += _streamlet(name, layers, secret_parameters(descriptor))
    for topic in spec.get("topics", ()):
        found += [
            Explained(flat.path("topics", topic["name"], keys), text, RESOURCE)
            for keys, text in flat.of_topic(topic).items()
        ]
    return found


def secret_parameters(descriptor: Descriptor | None) -> frozenset[str]:
    """The parameters of a class whose values are secret."""
    declared = () if descriptor is None else descriptor.parameters
    return frozenset(one.name for one in declared if one.secret)


def secrets_of(application: Application) -> dict[str, frozenset[str]]:
    """The secret parameters of each streamlet."""
    descriptors = Intent(application, {}).descriptors
    return {name: secret_parameters(one) for name, one in descriptors.items()}


def _streamlet(
    name: str, layers: Mapping[str, Mapping[str, Any]], secrets: frozenset[str]
) -> Iterator[Explained]:
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for layer, entry in layers.items():
        for keys, text in flat.of_streamlet(entry, secrets).items():
            found[keys] = (text, layer)
    for keys, (text, layer) in found.items():
        yield Explained(flat.path("streamlets", name, keys), text, layer)


def _code(descriptor: Descriptor | None) -> Manifest:
    """The defaults of a class, as an entry of a streamlet would have them."""
    if descriptor is None:
        return {}
    parameters = [
        {"name": one.name, "value": HIDDEN if one.secret else one.default}
        for one in descriptor.parameters
        if one.default is not None
    ]
    delivery = [
        {
            "inlet": one.name,
            **one.delivery.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        for one in descriptor.inlets
        if one.delivery is not None
    ]
    return {"parameters": parameters, "delivery": delivery}
