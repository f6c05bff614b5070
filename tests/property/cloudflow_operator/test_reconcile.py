"""Wherever an application's children begin, and wherever it is stopped, reconciling gets there."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_operator import names
from cloudflow_operator.desired.application import desired
from cloudflow_operator.interfaces import CHILDREN, CONFIG_MAP, DEPLOYMENT, Key
from cloudflow_operator.observed import Observed, key_of
from cloudflow_operator.ownership import applied, controller, is_untouched
from cloudflow_operator.reconcile import World, reconcile
from support.applications import (
    CLUSTERS,
    NAME,
    MetricsIngress,
    a_document,
    a_streamlet,
    a_topic,
    an_application,
)
from support.cluster import Crash, FakeClock, FakeCluster, FakeCopies, FakeTopics

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DataObject, DrawFn

    from cloudflow_operator.interfaces import Manifest

UID = a_document()["metadata"]["uid"]
CONSUMERS = ("alpha", "beta")


@st.composite
def specs(draw: DrawFn) -> dict[str, Any]:
    """A server and up to two consumers of its topic."""
    consumers = draw(st.lists(st.sampled_from(CONSUMERS), unique=True))
    streamlets = [a_streamlet("ingress", MetricsIngress, **draw(fields()))]
    streamlets += [a_streamlet(name, **draw(fields())) for name in consumers]
    topics = [a_topic("raw", ("ingress.out",), tuple(f"{one}.in" for one in consumers))]
    topics += [a_topic(f"of-{one}", (f"{one}.out",)) for one in consumers]
    paused = {"state": "Paused"} if draw(st.booleans()) else {}
    account = {"serviceAccountName": "theirs"} if draw(st.booleans()) else {}
    return {"streamlets": streamlets, "topics": topics, **paused, **account}


def fields() -> st.SearchStrategy[dict[str, Any]]:
    drain = st.sampled_from(["5s", "9s"]).map(lambda text: {"drain-timeout": text})
    return st.fixed_dictionaries({}, optional={"replicas": st.integers(0, 3), "settings": drain})


async def run(
    cluster: FakeCluster, spec: dict[str, Any], crash_after: int | None = None
) -> list[tuple[str, str]]:
    """Reconcile once, perhaps not to its end; what was written."""
    document = a_document(**spec)
    document["status"] = cluster.statuses.get(NAME, {})
    cluster.crash_after = crash_after
    cluster.writes.clear()
    world = World(cluster=cluster, topics=FakeTopics(), copies=FakeCopies(), clock=FakeClock())
    try:
        await reconcile(document, CLUSTERS, world)
    except* Crash:
        pass
    cluster.crash_after = None
    return list(cluster.writes)


def wipe(manifest: Manifest) -> None:
    manifest["metadata"]["labels"] = {}


def unmark(manifest: Manifest) -> None:
    manifest["metadata"]["annotations"] = {names.INPUTS: "other"}


def recount(manifest: Manifest) -> None:
    manifest["spec"]["replicas"] = 7


def spoil(manifest: Manifest) -> None:
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "other"
    container["env"] = []


def edits(key: Key) -> list[Callable[[Manifest], None]]:
    return [wipe, unmark, *((recount, spoil) if key.kind == DEPLOYMENT else ())]


def disturb(cluster: FakeCluster, data: DataObject) -> None:
    """Children go, are edited, or give way to objects of others."""
    for key in sorted(cluster.objects):
        if key not in cluster.objects or key.kind not in CHILDREN:
            continue
        done = data.draw(st.sampled_from(["leave", "leave", "remove", "edit", "take"]), str(key))
        if done == "edit":
            cluster.edit(key, data.draw(st.sampled_from(edits(key))))
        elif done != "leave":
            manifest = cluster.objects[key]
            cluster.remove(key)
            if done == "take":
                cluster.put(foreign(manifest))


def foreign(manifest: Manifest) -> Manifest:
    """Somebody else's object of the same name, with or without the application's labels."""
    metadata = {key: manifest["metadata"][key] for key in ("name", "namespace")}
    return {**manifest, "metadata": metadata}


def holds(wanted: object, live: object) -> bool:
    """Whether everything of `wanted` is in `live`."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            key in live and holds(each, live[key]) for key, each in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(live, list) and all(any(holds(one, i) for i in live) for one in wanted)
    return wanted == live


async def assert_is_there(cluster: FakeCluster, spec: dict[str, Any]) -> None:
    """Every child is as it shall be, but for what is somebody else's, and no other is there."""
    wanted = {key_of(one): one for one in desired(an_application(**spec), CLUSTERS).manifests()}
    told = {key: await cluster.read(key.kind, "", key.name) for key in cluster.objects}
    own = {key: one for key, one in told.items() if one is not None and controller(one) == UID}
    taken = told.keys() - own.keys()
    blocked = {
        key
        for key in wanted
        if key.kind == DEPLOYMENT
        and any(
            one.kind == CONFIG_MAP and one.name.startswith(key.name) for one in taken & {*wanted}
        )
    }
    for key, manifest in wanted.items():
        if key not in taken | blocked:
            assert is_untouched(manifest, own[key])
            assert holds(manifest, own[key])
    # Without its label nobody finds what is no longer wanted; the end of its owner takes it.
    found = {key for key, one in own.items() if names.APPLICATION in one["metadata"]["labels"]}
    used = Observed(UID, cluster.objects).used_configurations
    kept = {key for key in found if key.kind == CONFIG_MAP and key.name in used}
    assert found - kept <= wanted.keys()


@given(specs(), specs(), st.none() | st.integers(0, 12), st.data())
async def test_reconciling_gets_there_from_anywhere(
    first: dict[str, Any], second: dict[str, Any], crash_after: int | None, data: DataObject
) -> None:
    cluster = FakeCluster()
    await run(cluster, first)
    is_rolled_out = data.draw(st.booleans(), "rolled out")
    if is_rolled_out:
        cluster.rolled_out()
    disturb(cluster, data)
    others = copy.deepcopy(
        {key: one for key, one in cluster.objects.items() if controller(one) is None}
    )
    await run(cluster, second, crash_after)
    await run(cluster, second)
    if is_rolled_out:
        cluster.rolled_out()
    # What pods of older forms used goes once they are gone, and the status tells of the new ones.
    await run(cluster, second)
    assert await run(cluster, second) == []
    await assert_is_there(cluster, second)
    assert {key: cluster.objects[key] for key in others} == others


@given(specs(), st.none() | st.integers(0, 12))
async def test_the_second_run_of_a_new_application_writes_nothing(
    spec: dict[str, Any], crash_after: int | None
) -> None:
    cluster = FakeCluster()
    await run(cluster, spec, crash_after)
    await run(cluster, spec)
    versions = {key: one["metadata"]["resourceVersion"] for key, one in cluster.objects.items()}
    assert await run(cluster, spec) == []
    after = {key: one["metadata"]["resourceVersion"] for key, one in cluster.objects.items()}
    assert after == versions


@given(specs())
async def test_what_was_applied_can_be_read_back(spec: dict[str, Any]) -> None:
    cluster = FakeCluster()
    await run(cluster, spec)
    for key in list(cluster.objects):
        live = await cluster.read(key.kind, "", key.name)
        assert live is not None
        kept = applied(live)
        assert is_untouched(kept, live)
        before = live["metadata"]["resourceVersion"]
        again = await cluster.apply(kept, manager=names.FIELD_MANAGER)
        assert again["metadata"]["resourceVersion"] == before
