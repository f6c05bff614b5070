"""Why the pods of a streamlet restart: the parts of their inputs that differ, in words.

Pure. The operator hashes these parts; what it hashes beside them is told as one sentence, so that
no restart is without a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflow_operator.desired.children import Workload
    from streamlet_sdk.contract import Binding, ParameterSource, StreamletConfig


def reasons(was: Workload, will: Workload) -> list[str]:
    """What differs between the inputs of two workloads; never empty."""
    found = [*_of_pods(was, will), *_of_configuration(was, will)]
    return found or ["what its pods are made of"]


def _of_pods(was: Workload, will: Workload) -> Iterator[str]:
    if was.image != will.image:
        yield f"image {was.image} → {will.image}"
    if was.service_account != will.service_account:
        yield f"service account {was.service_account} → {will.service_account}"
    for what, value in _WITHOUT_VALUE.items():
        if value(was) != value(will):
            yield what
    for mount in _differing(was.claims, will.claims):
        yield f"volume claim of {mount}"
    for name in _differing(was.clusters, will.clusters):
        yield f"Kafka cluster {name}"


_WITHOUT_VALUE: Final[Mapping[str, Callable[[Workload], Any]]] = {
    "image pull secrets": lambda work: work.application.spec.image_pull_secrets,
    "a restart was asked for": lambda work: work.restarted_at,
    "pod template": lambda work: [one.content for one in work.patches],
    "volume mounts of the class": lambda work: work.descriptor.volume_mounts,
    "whether the class is a server": lambda work: work.descriptor.server is not None,
    "sources of the class": lambda work: [one.replicated for one in work.descriptor.sources],
}


def _of_configuration(was: Workload, will: Workload) -> Iterator[str]:
    old, new = was.config, will.config
    if old.class_name != new.class_name:
        yield f"class {old.class_name} → {new.class_name}"
    if old.contract != new.contract:
        yield f"contract {old.contract} → {new.contract}"
    yield from _of_parameters(was, will)
    settings = [one.settings.model_dump(by_alias=True, exclude_unset=True) for one in (old, new)]
    for key in _differing(*settings):
        yield f"setting {key}"
    for inlet in _differing(old.delivery, new.delivery):
        yield f"delivery of {inlet}"
    yield from _of_ports(old, new)


def _of_parameters(was: Workload, will: Workload) -> Iterator[str]:
    secret = {one.name for work in (was, will) for one in work.descriptor.parameters if one.secret}
    old, new = was.config.parameters, will.config.parameters
    moved = {*_differing(was.references, will.references)}
    for key in sorted({*_differing(old, new), *moved}):
        if key in secret:
            yield f"secret parameter {key}"
        elif key in moved:
            yield f"parameter {key}"
        else:
            yield f"parameter {key} {_value(old.get(key))} → {_value(new.get(key))}"


def _value(source: ParameterSource | None) -> str:
    return "unset" if source is None else str(source.value)


def _of_ports(old: StreamletConfig, new: StreamletConfig) -> Iterator[str]:
    for port in _differing(old.ports, new.ports):
        was, will = old.ports.get(port), new.ports.get(port)
        if was is None or will is None:
            yield f"port {port} {'is new' if was is None else 'is gone'}"
        elif _place(was) != _place(will):
            yield f"topic of {port} {was.kafka_name} → {will.kafka_name}"
        else:
            yield f"client properties of {port}"


def _place(binding: Binding) -> tuple[str, str, str]:
    return binding.topic, binding.kafka_name, binding.cluster


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
