"""Users' pod templates merged into that of the operator, and what they may not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator import names
from cloudflow_operator.desired.mounts import hidden
from cloudflow_operator.desired.pods import OF_VOLUMES
from cloudflow_operator.desired.problems import ProtectedPart, UnusablePatch
from cloudflow_operator.desired.strategic import PatchError, merged
from streamlet_sdk.blueprint.problems.documents import UnknownKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cloudflow_operator.desired.effective import Patch
    from cloudflow_operator.interfaces import Manifest
    from streamlet_sdk.problems import Problem

_KEYS: Final[tuple[tuple[str | None, tuple[str, ...]], ...]] = (
    (None, ("metadata", "spec")),
    ("metadata", ("labels", "annotations")),
)


@dataclass(frozen=True, slots=True)
class Patched:
    """A pod template with patches, or what is wrong with them."""

    template: Manifest
    problems: tuple[Problem, ...] = ()


def patched(template: Manifest, patches: Sequence[Patch]) -> Patched:
    """`template` with `patches` merged into it one after the other."""
    problems: list[Problem] = []
    original = template
    for patch in patches:
        found = list(_unknown_keys(patch))
        try:
            changed = merged(template, patch.content)
        except PatchError as error:
            found.append(UnusablePatch(path=patch.path, reason=str(error)))
        else:
            found += _protected(patch.path, original, changed)
            if not found:
                template = changed
        problems += found
    if not _has_group(original) and not _has_group(template) and any(_written(template)):
        template = merged(template, {"spec": {"securityContext": OF_VOLUMES}})
    return Patched(template, tuple(problems))


def _has_group(template: Manifest) -> bool:
    return "fsGroup" in _section(_section(template, "spec"), "securityContext")


def _written(template: Manifest) -> Iterator[Any]:
    """The claims that the streamlet may write to."""
    volumes = _by(_section(template, "spec"), "volumes", "name")
    for mount in _mounts(template).values():
        claim = _section(volumes.get(str(mount.get("name")), {}), "persistentVolumeClaim")
        if claim and not mount.get("readOnly") and not claim.get("readOnly"):
            yield claim


def _unknown_keys(patch: Patch) -> Iterator[Problem]:
    for section, known in _KEYS:
        content = patch.content if section is None else patch.content.get(section)
        path = patch.path if section is None else f"{patch.path}.{section}"
        for key in content if isinstance(content, dict) else ():
            if key not in known and not key.startswith("$"):
                yield UnknownKey(path=f"{path}.{key}", name=key, known=known)


def _protected(path: str, before: Manifest, after: Manifest) -> Iterator[Problem]:
    ours, theirs = _parts(before), _parts(after)
    for part, value in ours.items():
        if theirs.get(part) != value:
            yield ProtectedPart(path=path, part=part)
    known = _mounts(before).keys()
    for mount_path in _mounts(after):
        if mount_path not in known and (taken := hidden(str(mount_path))) is not None:
            yield ProtectedPart(path=path, part=f"what is at {taken}")


def _parts(template: Manifest) -> Mapping[str, Any]:
    """What no patch may change, by what people call it."""
    labels = _section(_section(template, "metadata"), "labels")
    spec = _section(template, "spec")
    containers = _by(spec, "containers", "name")
    return {
        **{f"the label {key}": labels.get(key) for key in (names.APPLICATION, names.STREAMLET)},
        f"the name of the container {names.CONTAINER!r}": names.CONTAINER in containers,
        **{f"the volume {key!r}": one for key, one in _by(spec, "volumes", "name").items()},
        **{f"the mount {key}": one for key, one in _mounts(template).items()},
    }


def _mounts(template: Manifest) -> Mapping[Any, Any]:
    """The mounts of the streamlet's container by their path."""
    containers = _by(_section(template, "spec"), "containers", "name")
    return _by(containers.get(names.CONTAINER, {}), "volumeMounts", "mountPath")


# A patch may have replaced what is looked for by anything.
def _section(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _by(section: Mapping[str, Any], field: str, key: str) -> Mapping[Any, Any]:
    found = section.get(field)
    entries = found if isinstance(found, list) else []
    return {str(one.get(key)): one for one in entries if isinstance(one, Mapping)}
