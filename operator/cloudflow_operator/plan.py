"""What to do about an application: the difference between what shall be and what is.

Pure. `reconcile` carries the actions out, in their order, and may be stopped after any of them:
the next plan begins from what is there then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from cloudflow_operator import names
from cloudflow_operator.interfaces import (
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    SERVICE,
    SERVICE_ACCOUNT,
    Key,
)
from cloudflow_operator.observed import key_of, streamlet_of
from cloudflow_operator.ownership import annotation, applied, is_going, is_untouched, owns_replicas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudflow_operator.desired.application import Desired, DesiredStreamlet
    from cloudflow_operator.interfaces import Manifest
    from cloudflow_operator.observed import Observed

# What serves pods goes before them; what they read is deleted when nothing names it any more.
_DELETED = (DISRUPTION_BUDGET, SERVICE, DEPLOYMENT, CONFIG_MAP, SERVICE_ACCOUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Write an object; `before` is what is there, None when it is made new."""

    manifest: Manifest
    streamlet: str | None
    before: Manifest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Keep a Deployment's count under another manager, so that ceasing to write it resets nothing.

    Without it the server would set 1.
    """

    deployment: Manifest
    streamlet: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete an object, if it still is the one of `uid`."""

    key: Key
    uid: str
    streamlet: str | None


Action: TypeAlias = Apply | HandOver | Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do, and what cannot be done yet.

    Attributes:
        actions: in their order; one that failed stops the later ones of its streamlet.
        held: topics that were never ready, by the streamlet that waits for them.
    """

    actions: tuple[Action, ...]
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(
    desired: Desired, observed: Observed, *, never_ready: Iterable[str] = (), is_paused: bool
) -> Plan:
    """What turns `observed` into `desired`, and nothing where they agree.

    Args:
        desired: what shall be there.
        observed: what is there.
        never_ready: labels of topics that nobody has seen yet.
        is_paused: whether counts are 0 for a while and have to be remembered.
    """
    held = _held(desired, observed, frozenset(never_ready))
    keys = [key_of(one) for one in desired.manifests()]
    return Plan(
        actions=(
            *_account(desired, observed),
            *(
                action
                for streamlet in desired.streamlets.values()
                for action in _streamlet(
                    streamlet, observed, may_run=streamlet.name not in held, is_paused=is_paused
                )
            ),
            *_deletions(observed, frozenset(keys)),
        ),
        held=held,
    )


def _held(
    desired: Desired, observed: Observed, never_ready: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """The streamlets that wait; a Deployment of the same inputs has had its topics before."""
    found: dict[str, tuple[str, ...]] = {}
    for name, streamlet in desired.streamlets.items():
        live = observed.children.get(key_of(streamlet.deployment))
        missing = tuple(one for one in _topics(desired, streamlet) if one in never_ready)
        if missing and (live is None or not _has_inputs_of(streamlet.deployment, live)):
            found[name] = missing
    return found


def _topics(desired: Desired, streamlet: DesiredStreamlet) -> Iterator[str]:
    """The topics that a streamlet needs: of its ports, and the platform's on their clusters."""
    own = [one for one in desired.topics if one.id in streamlet.topics]
    clusters = {one.cluster for one in own}
    for topic in desired.topics:
        if topic in own or (topic.is_shared and topic.cluster in clusters):
            yield topic.label


def _account(desired: Desired, observed: Observed) -> Iterator[Action]:
    if desired.service_account is not None:
        yield from _applied(desired.service_account, observed)


def _streamlet(
    streamlet: DesiredStreamlet, observed: Observed, *, may_run: bool, is_paused: bool
) -> Iterator[Action]:
    for manifest in streamlet.manifests():
        if manifest is streamlet.deployment:
            # Pods never get the configuration of somebody else's ConfigMap.
            if may_run and not observed.is_foreign(key_of(streamlet.configuration)):
                yield from _deployment(streamlet, observed, is_paused=is_paused)
        else:
            yield from _applied(manifest, observed)


def _applied(manifest: Manifest, observed: Observed) -> Iterator[Action]:
    key, streamlet = key_of(manifest), streamlet_of(manifest)
    live = observed.children.get(key)
    if observed.is_foreign(key) or (live is not None and is_going(live)):
        return
    if live is not None and _is_other_data(manifest, live):
        # It can only be made anew.
        yield Delete(key=key, uid=live["metadata"]["uid"], streamlet=streamlet)
        live = None
    if live is None or not _is_as_wanted(manifest, live):
        yield Apply(manifest=_of_same_uid(manifest, live), streamlet=streamlet, before=live)


def _deployment(
    streamlet: DesiredStreamlet, observed: Observed, *, is_paused: bool
) -> Iterator[Action]:
    key = key_of(streamlet.deployment)
    live = observed.children.get(key)
    if observed.is_foreign(key) or (live is not None and is_going(live)):
        return
    wanted = _in_form(streamlet, live)
    if is_paused:
        wanted = _annotated(wanted, names.PAUSED_REPLICAS, str(remembered(live)))
    if live is not None and _is_as_wanted(wanted, live) and _is_counted_as(wanted, live):
        return
    if live is not None and streamlet.replicas is None and owns_replicas(live):
        yield HandOver(deployment=live, streamlet=streamlet.name, replicas=remembered(live))
    yield Apply(manifest=_of_same_uid(wanted, live), streamlet=streamlet.name, before=live)


def remembered(live: Manifest | None) -> int:
    """How many pods a Deployment has when it is not paused."""
    if live is None:
        return 1
    noted = annotation(live, names.PAUSED_REPLICAS)
    return int(noted) if noted is not None and noted.isdecimal() else live["spec"]["replicas"]


def _in_form(streamlet: DesiredStreamlet, live: Manifest | None) -> Manifest:
    """The Deployment in the form that it has, so that another renderer restarts nothing."""
    wanted = streamlet.deployment
    if live is None or not _has_inputs_of(wanted, live) or _has_form_of(wanted, live):
        return wanted
    kept = applied(live)
    if "spec" not in kept:
        return wanted  # nobody knows any more what was applied
    spec = {key: value for key, value in kept["spec"].items() if key != "replicas"}
    if streamlet.replicas is not None:
        spec["replicas"] = streamlet.replicas
    annotations = dict(kept["metadata"].get("annotations", {}))
    annotations.pop(names.PAUSED_REPLICAS, None)
    labels = wanted["metadata"]["labels"]
    metadata = {**kept["metadata"], "annotations": annotations, "labels": labels}
    return {**kept, "metadata": metadata, "spec": spec}


def _annotated(manifest: Manifest, name: str, value: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = {**metadata["annotations"], name: value}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _has_inputs_of(wanted: Manifest, live: Manifest) -> bool:
    return annotation(live, names.INPUTS) == annotation(wanted, names.INPUTS)


def _has_form_of(wanted: Manifest, live: Manifest) -> bool:
    return annotation(live, names.RENDERER) == annotation(wanted, names.RENDERER)


def _is_as_wanted(wanted: Manifest, live: Manifest) -> bool:
    return _has_inputs_of(wanted, live) and is_untouched(wanted, live)


def _is_counted_as(wanted: Manifest, live: Manifest) -> bool:
    """Whether version and count, which pods do not depend on, are the same and of the same."""
    if _version(wanted) != _version(live):
        return False
    noted = [annotation(one, names.PAUSED_REPLICAS) for one in (wanted, live)]
    asked = wanted["spec"].get("replicas")
    is_asked = not owns_replicas(live) if asked is None else live["spec"]["replicas"] == asked
    return is_asked and noted[0] == noted[1]


def _version(manifest: Manifest) -> str | None:
    found: str | None = (manifest["metadata"].get("labels") or {}).get(names.VERSION)
    return found


def _is_other_data(wanted: Manifest, live: Manifest) -> bool:
    return bool(wanted.get("immutable")) and wanted["data"] != live.get("data", {})


def _of_same_uid(manifest: Manifest, live: Manifest | None) -> Manifest:
    if live is None:
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "uid": live["metadata"]["uid"]}}


def _deletions(observed: Observed, wanted: frozenset[Key]) -> Iterator[Action]:
    used = observed.used_configurations
    for kind in _DELETED:
        for key, live in sorted(observed.children.items(), key=lambda item: item[0].name):
            is_needed = key in wanted or (kind is CONFIG_MAP and key.name in used)
            if key.kind == kind and not is_needed and not is_going(live):
                uid = live["metadata"]["uid"]
                yield Delete(key=key, uid=uid, streamlet=streamlet_of(live))
