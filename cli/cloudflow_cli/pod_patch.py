"""The `kubernetes` sections of a configuration as a patch of a streamlet's pod template.

Two forms are read, also side by side: Cloudflow's (`pods.pod.containers.container.resources` and
so on), and a plain patch of the pod template, whose keys are `metadata` and `spec`. Where both say
something, the plain one wins. Called by `application_resource` alone; what the patch may not change
is checked by the operator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.names import CONTAINER
from streamlet_sdk.blueprint.layers import deeper
from streamlet_sdk.blueprint.problems.documents import InvalidSetting, UnknownKey, WrongType
from streamlet_sdk.blueprint.reading import Section, kind_of_value, root, scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamlet_sdk.blueprint.verified import VerifiedStreamlet
    from streamlet_sdk.problems import Problem

PLAIN: Final = ("metadata", "spec")
POD_KEYS: Final = ("labels", "annotations", "volumes", "containers")
CONTAINER_KEYS: Final = ("resources", "env", "ports", "volume-mounts")
VOLUME_KEYS: Final = ("secret", "pvc", "config-map")
PORT_KEYS: Final = ("container-port", "protocol", "name", "host-ip", "host-port")
MOUNT_KEYS: Final = ("mount-path", "read-only", "sub-path", "subPath")
_QUANTITY: Final = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class PodPatch:
    """What the `kubernetes` section of a streamlet says.

    Attributes:
        template: a strategic merge patch of the pod template; empty when nothing is set.
        claims: the PersistentVolumeClaim of each of the class's mounts that has one here.
    """

    template: Mapping[str, Any]
    claims: Mapping[str, str]


def pod_patch(
    streamlet: VerifiedStreamlet, written: Mapping[str, Any], problems: list[Problem]
) -> PodPatch:
    """Read the section of one streamlet, that of its runtime included.

    A claim among the volumes that has the name of one of the class's mounts is that mount's claim,
    unless the section mounts it itself.

    Args:
        streamlet: whose it is.
        written: the section, as written.
        problems: what is found is appended, with its path in the configuration.
    """
    keys = ("cloudflow", "streamlets", streamlet.name, "kubernetes")
    document: object = {keys[-1]: written}
    for key in reversed(keys[1:-1]):
        document = {key: document}
    section = root({keys[0]: document}, keys[0], problems)
    for key in keys[1:]:
        section = section.section(key)
    section.only(("pods", *PLAIN))
    pods = section.section("pods")
    pods.only(("pod",))
    pod = pods.section("pod")
    pod.only(POD_KEYS)
    container = _only_container(pod.section("containers"))
    mounted = container.section("volume-mounts").values
    own = {mount.name for mount in streamlet.descriptor.volume_mounts} - mounted.keys()
    volumes = dict(_volumes(pod.section("volumes")))
    claims = {name: one for name, one in volumes.items() if name in own and _claim(one)}
    rest = {name: one for name, one in volumes.items() if name not in claims}
    template = _template(pod, rest, _container(container, rest))
    plain = {key: _plain(section.section(key)) for key in PLAIN if key in section.values}
    return PodPatch(_over(template, plain), {name: _claim(one) for name, one in claims.items()})


def _only_container(containers: Section) -> Section:
    containers.only(("container",))
    container = containers.section("container")
    container.only(CONTAINER_KEYS)
    return container


def _template(pod: Section, volumes: Mapping[str, Any], container: Mapping[str, Any]) -> Any:
    metadata = {key: _texts(pod.section(key)) for key in ("labels", "annotations")}
    spec = {
        "volumes": [{"name": name, **one} for name, one in volumes.items()],
        "containers": [{"name": CONTAINER, **container}] if container else [],
    }
    return _filled({"metadata": _filled(metadata), "spec": _filled(spec)})


def _container(container: Section, volumes: Mapping[str, Any]) -> dict[str, Any]:
    mounts = container.section("volume-mounts")
    return _filled(
        {
            "resources": _resources(container.section("resources")),
            "env": list(_items(container, "env", _variable)),
            "ports": list(_items(container, "ports", _port)),
            "volumeMounts": [_mount(one, name, volumes) for name, one in mounts.sections()],
        }
    )


def _resources(resources: Section) -> dict[str, Any]:
    resources.only(("requests", "limits"))
    found: dict[str, Any] = {}
    for key, section in resources.sections():
        found[key] = _texts(section)
        for name, text in found[key].items():
            if _QUANTITY.fullmatch(text) is None:
                reason = f"{text!r} is no quantity of Kubernetes, such as 500m or 1Gi"
                _invalid(section, name, reason)
    return _filled(found)


def _volumes(volumes: Section) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, section in volumes.sections():
        section.only(VOLUME_KEYS)
        kinds = [key for key in VOLUME_KEYS if key in section.values]
        if len(kinds) != 1:
            _invalid(volumes, name, f"a volume is exactly one of {', '.join(VOLUME_KEYS)}")
        else:
            yield name, _VOLUMES[kinds[0]](section.section(kinds[0]))


def _secret(section: Section) -> dict[str, Any]:
    section.only(("name",))
    return {"secret": {"secretName": _needed(section, "name")}}


def _pvc(section: Section) -> dict[str, Any]:
    section.only(("name", "read-only"))
    is_read_only = section.flag("read-only")
    source = {
        "claimName": _needed(section, "name"),
        "readOnly": True if is_read_only is None else is_read_only,
    }
    return {"persistentVolumeClaim": source}


def _config_map(section: Section) -> dict[str, Any]:
    section.only(("name", "optional", "items"))
    source: dict[str, Any] = {"name": _needed(section, "name")}
    if (is_optional := section.flag("optional")) is not None:
        source["optional"] = is_optional
    items = []
    for key, item in section.section("items").sections():
        item.only(("path",))
        items.append({"key": key, "path": _needed(item, "path")})
    return {"configMap": source | _filled({"items": items})}


_VOLUMES: Final[Mapping[str, Callable[[Section], dict[str, Any]]]] = {
    "secret": _secret,
    "pvc": _pvc,
    "config-map": _config_map,
}


def _claim(volume: Mapping[str, Any]) -> str:
    """The name of the claim that a volume is; empty when it is none."""
    return str(volume.get("persistentVolumeClaim", {}).get("claimName", ""))


def _mount(section: Section, volume: str, volumes: Mapping[str, Any]) -> dict[str, Any]:
    section.only(MOUNT_KEYS)
    if volume not in volumes:
        path = section.path
        section.problems.append(UnknownKey(path=path, name=volume, known=tuple(volumes)))
    is_read_only = section.flag("read-only")
    sub_path = section.text("sub-path") or section.text("subPath")
    return {
        "name": volume,
        "mountPath": _needed(section, "mount-path"),
        "readOnly": True if is_read_only is None else is_read_only,
        **_filled({"subPath": sub_path}),
    }


def _variable(section: Section) -> dict[str, Any]:
    section.only(("name", "value"))
    return {"name": _needed(section, "name"), "value": _texts(section).get("value", "")}


def _port(section: Section) -> dict[str, Any]:
    section.only(PORT_KEYS)
    number = section.whole("container-port", minimum=1)
    if "container-port" not in section.values:
        _invalid(section, "container-port", "it is missing")
    return _filled(
        {
            "containerPort": number,
            "protocol": section.text("protocol"),
            "name": section.text("name"),
            "hostIP": section.text("host-ip"),
            "hostPort": section.whole("host-port", minimum=1),
        }
    )


def _plain(section: Section) -> dict[str, Any]:
    """All of a section as it stands; what JSON cannot say is reported."""
    return {key: _json(section, key, value) for key, value in section.values.items()}


def _json(section: Section, key: str, value: object) -> Any:
    if isinstance(value, Mapping):
        return _plain(section.section(key))
    if isinstance(value, list | tuple):
        entries = {str(number): entry for number, entry in enumerate(value)}
        return [*_plain(Section((*section.keys, key), entries, section.problems)).values()]
    if value is None or isinstance(value, str | int | float):
        return value
    expected, found = "a text, a number or a boolean", kind_of_value(value)
    section.problems.append(WrongType(path=section.at(key), expected=expected, found=found))
    return None


def _items(
    section: Section, key: str, read: Callable[[Section], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    written = section.values.get(key, ())
    if isinstance(written, str | bytes) or not isinstance(written, Sequence):
        found = kind_of_value(written)
        section.problems.append(WrongType(path=section.at(key), expected="a list", found=found))
        return
    entries = {str(number): entry for number, entry in enumerate(written)}
    for number, entry in Section((*section.keys, key), entries, section.problems).sections():
        if isinstance(entries[number], Mapping):
            yield read(entry)


def _texts(section: Section) -> dict[str, str]:
    return {key: scalar_text(value) for key, value in section.scalars()}


def _needed(section: Section, key: str) -> str:
    text = section.text(key)
    if not text and (text is not None or key not in section.values):
        _invalid(section, key, "it is missing or empty")
    return text or ""


def _invalid(section: Section, key: str, reason: str) -> None:
    section.problems.append(InvalidSetting(path=section.at(key), setting=key, reason=reason))


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def _over(below: Mapping[str, Any], plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """`plain` over `below`; of both lists the entries, which the operator merges by their key."""
    merged = dict(deeper(below, plain))
    if "spec" not in below or "spec" not in plain:
        return merged
    spec = dict(merged["spec"])
    for key in below["spec"].keys() & plain["spec"].keys():
        if isinstance(plain["spec"][key], list):
            spec[key] = [*below["spec"][key], *plain["spec"][key]]
    return {**merged, "spec": spec}
