"""What commands may rely on of an API server, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli.kube.errors import UnknownKindError
from cloudflow_cli.kube.kinds import APPLICATION, OWN_REVIEW
from cloudflow_cli.kube.session import Target
from cloudflow_operator.errors import ConflictError, RefusedError
from cloudflow_operator.interfaces import CONFIG_MAP, Kind
from support.kube_server import FakeServer, an_application

if TYPE_CHECKING:
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.interfaces import Manifest

WIDGET = Kind("nowhere.invalid/v1", "Widget", "widgets")


def target(session: Session, name: str = "one") -> Target:
    return Target(CONFIG_MAP, session.namespace, name)


def a_map(session: Session, name: str = "one", **data: str) -> Manifest:
    metadata = {"name": name, "namespace": session.namespace, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def made(session: Session, name: str = "one", **data: str) -> Manifest:
    return await session.server.apply(CONFIG_MAP, a_map(session, name, **data), "tests")


async def data_of(session: Session) -> Any:
    found = await session.server.read(target(session))
    return found and found.get("data")


async def test_what_is_not_there_is_none(session: Session) -> None:
    assert await session.server.read(target(session)) is None
    assert await session.server.read(Target(APPLICATION, session.namespace, "x")) is None


async def test_a_kind_that_the_server_does_not_know_is_an_error(session: Session) -> None:
    if isinstance(session.server, FakeServer):
        session.server.unknown.add(WIDGET)
    with pytest.raises(UnknownKindError, match="Widget"):
        await session.server.read(Target(WIDGET, session.namespace, "x"))
    with pytest.raises(UnknownKindError):
        await session.server.listed(WIDGET, session.namespace)
    with pytest.raises(UnknownKindError):
        await session.server.rows(WIDGET, None)


async def test_objects_are_listed_by_namespace_and_labels(session: Session) -> None:
    await made(session, "one")
    await made(session, "two")
    found = await session.server.listed(CONFIG_MAP, session.namespace, "app=two")
    assert [(one["kind"], one["metadata"]["name"]) for one in found] == [("ConfigMap", "two")]
    assert await session.server.listed(CONFIG_MAP, f"not-{session.namespace}") == []
    assert len(await session.server.listed(CONFIG_MAP, None, "app=two")) >= 1


async def test_rows_have_names_and_printed_columns(session: Session) -> None:
    application = an_application(namespace=session.namespace)
    await session.server.apply(APPLICATION, application, "tests")
    [row] = await session.server.rows(APPLICATION, session.namespace)
    assert (row.metadata["name"], row.metadata["namespace"]) == ("sensor-data", session.namespace)
    assert "creationTimestamp" in row.metadata
    assert {"Name", "Phase", "Ready", "Version", "Age", "Message"} <= row.cells.keys()
    assert (row.cells["Version"], row.cells["Phase"]) == ("1.4.0", None)


async def test_a_manager_that_applies_less_takes_away_only_its_own(session: Session) -> None:
    await session.server.apply(CONFIG_MAP, a_map(session, a="1", b="2"), "one")
    await session.server.apply(CONFIG_MAP, a_map(session, c="3"), "two")
    await session.server.apply(CONFIG_MAP, a_map(session, a="1"), "one")
    assert await data_of(session) == {"a": "1", "c": "3"}


async def test_an_apply_with_a_uid_makes_nothing_and_takes_no_other(session: Session) -> None:
    manifest = a_map(session, a="1")
    manifest["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
    with pytest.raises(ConflictError):
        await session.server.apply(CONFIG_MAP, manifest, "tests")
    await made(session, b="2")
    with pytest.raises(ConflictError):
        await session.server.apply(CONFIG_MAP, manifest, "tests")
    assert await data_of(session) == {"b": "2"}


async def test_a_merge_changes_what_it_says(session: Session) -> None:
    await made(session, a="1", b="2")
    merged = await session.server.merge(target(session), {"data": {"b": None, "c": "3"}})
    assert merged["data"] == await data_of(session) == {"a": "1", "c": "3"}


async def test_a_merge_makes_nothing(session: Session) -> None:
    with pytest.raises(RefusedError):
        await session.server.merge(target(session), {"data": {"a": "1"}})
    assert await data_of(session) is None


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
async def test_a_merge_of_another_object_is_a_conflict(session: Session, field: str) -> None:
    found = await made(session, a="1")
    other = {"uid": "11111111-1111-1111-1111-111111111111", "resourceVersion": "1"}
    patch = {"metadata": {field: other[field]}, "data": {"a": "2"}}
    with pytest.raises(ConflictError):
        await session.server.merge(target(session), patch)
    patch["metadata"] = {field: found["metadata"][field]}
    await session.server.merge(target(session), patch)
    assert await data_of(session) == {"a": "2"}


async def test_a_dry_run_tells_what_would_be_and_changes_nothing(session: Session) -> None:
    await made(session, a="1")
    applied = await session.server.apply(CONFIG_MAP, a_map(session, a="2"), "x", dry_run=True)
    merged = await session.server.merge(target(session), {"data": {"a": "3"}}, dry_run=True)
    assert (applied["data"], merged["data"]) == ({"a": "2"}, {"a": "3"})
    assert await data_of(session) == {"a": "1"}


async def test_only_the_object_of_the_uid_is_deleted(session: Session) -> None:
    found = await made(session)
    with pytest.raises(ConflictError):
        await session.server.delete(target(session), uid="11111111-1111-1111-1111-111111111111")
    assert await session.server.read(target(session)) is not None
    for _ in range(2):  # one that is gone is fine
        await session.server.delete(target(session), uid=found["metadata"]["uid"])
    assert await session.server.read(target(session)) is None


async def test_an_object_that_is_held_stays_until_it_is_released(session: Session) -> None:
    found = await made(session)
    held = {"metadata": {"finalizers": ["tests.invalid/hold"]}}
    await session.server.merge(target(session), held)
    await session.server.delete(target(session), uid=found["metadata"]["uid"])
    leaving = await session.server.read(target(session))
    assert leaving is not None
    assert "deletionTimestamp" in leaving["metadata"]
    await session.server.merge(target(session), {"metadata": {"finalizers": None}})
    assert await session.server.read(target(session)) is None


async def test_an_access_review_is_answered(session: Session) -> None:
    attributes = {"verb": "get", "resource": "pods", "namespace": session.namespace}
    answer = await session.server.reviewed(OWN_REVIEW, {"resourceAttributes": attributes})
    assert answer["allowed"] is True
