"""A watch misses nothing, whatever the server does, and never ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

import pytest

from cloudflow_operator.errors import (
    ClusterError,
    ClusterUnavailableError,
    ForbiddenError,
    RefusedError,
)
from cloudflow_operator.interfaces import CONFIG_MAP
from cloudflow_operator.requests import Answer
from cloudflow_operator.watching import Place, Target, Watch, place_of
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from collections.abc import Set as AbstractSet
    from datetime import timedelta

    from cloudflow_operator.interfaces import Kind, Manifest
    from cloudflow_operator.requests import Request

Step = Any
"""A document, or an error to raise; an integer is a refusal's status."""

HOUR = 3600.0


def an_object(name: str, version: int, namespace: str = "plant") -> Manifest:
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": str(version)}}


def a_list(version: int, *names: str, token: str = "") -> Manifest:
    metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    return {"metadata": metadata, "items": [an_object(name, version - 1) for name in names]}


def an_event(type: str, name: str, version: int) -> Manifest:
    return {"type": type, "object": an_object(name, version)}


def an_error(status: int) -> Manifest:
    return {"type": "ERROR", "object": {"kind": "Status", "code": status, "message": "too old"}}


class Server:
    """Answers lists and streams as they were prepared; a stream without steps says nothing."""

    def __init__(self, lists: Iterable[Step], streams: Iterable[Iterable[Step]] = ()) -> None:
        self._lists = list(lists)
        self._streams = [list(one) for one in streams]
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []

    async def answer(self, request: Request) -> Answer:
        self._note(request)
        step = self._lists.pop(0)
        if isinstance(step, ClusterError):
            raise step
        if isinstance(step, int):
            return Answer(request, step, {"message": "no"})
        return Answer(request, 200, step)

    async def stream(self, request: Request, silence: timedelta) -> AsyncGenerator[Manifest, None]:
        self._note(request)
        if not self._streams:
            await asyncio.sleep(silence.total_seconds())
            raise ClusterUnavailableError(request.doing, "no answer in time")
        for step in self._streams.pop(0):
            if isinstance(step, ClusterError):
                raise step
            yield step

    def _note(self, request: Request) -> None:
        self.paths.append(request.path)
        self.asked.append(dict(request.query))


class Listener:
    """Keeps what it was told, and what is there by that."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.kept: list[set[str]] = []

    def put(self, kind: Kind, manifest: Manifest) -> None:
        assert kind == CONFIG_MAP
        self.there[place_of(manifest).name] = manifest["metadata"]["resourceVersion"]

    def remove(self, kind: Kind, manifest: Manifest) -> None:
        self.there.pop(place_of(manifest).name, None)

    def keep(self, target: Target, there: AbstractSet[Place], version: str) -> None:
        self.kept.append({place.name for place in there})
        self.there = {name: one for name, one in self.there.items() if name in self.kept[-1]}


class Followed:
    """A watch at work against a server."""

    def __init__(self, server: Server, namespace: str | None = "plant") -> None:
        self.listener = Listener()
        self.heard: list[str] = []
        twin: Any = server
        target = Target(CONFIG_MAP, namespace, "cloudflow.dev/application")
        self.watch = Watch(twin, target, self.listener, lambda kind: self.heard.append(kind.name))
        self._task = asyncio.create_task(self.watch.run())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        is_alive = not self._task.done()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        assert is_alive


@virtual_time
async def test_what_is_there_is_told_and_then_every_change() -> None:
    changes = [an_event("ADDED", "c", 11), an_event("DELETED", "a", 12)]
    async with Followed(Server([a_list(10, "a", "b")], [changes])) as one:
        await asyncio.sleep(1)
        assert one.listener.there == {"b": "9", "c": "11"}
        assert one.watch.synced.is_set()
        assert one.heard == ["ConfigMap"] * 3


@virtual_time
async def test_a_stream_that_ends_goes_on_where_it_was() -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "20"}}}
    streams = [[an_event("MODIFIED", "a", 11), bookmark], [an_event("MODIFIED", "a", 21)]]
    server = Server([a_list(10, "a")], streams)
    async with Followed(server) as one:
        await asyncio.sleep(5)
        assert one.listener.there == {"a": "21"}
    versions = [query["resourceVersion"] for query in server.asked if "watch" in query]
    assert versions[:3] == ["10", "20", "21"]
    assert one.listener.kept == [{"a"}]


@pytest.mark.parametrize(
    "event", [an_error(410), an_error(500), {}, {"type": "NEWS"}, {"type": "ADDED"}]
)
def test_after_an_event_that_tells_of_a_gap_all_is_listed_again(event: Manifest) -> None:
    @virtual_time
    async def scenario() -> None:
        server = Server([a_list(10, "a", "b"), a_list(30, "b")], [[event]])
        async with Followed(server) as one:
            await asyncio.sleep(5)
            assert one.listener.there == {"b": "29"}

    scenario()


@virtual_time
async def test_a_version_that_the_server_does_not_know_any_more_lets_it_list_again() -> None:
    gone = RefusedError("watch", "too old resource version")
    server = Server([a_list(10, "a"), a_list(30, "b")], [[gone]])
    async with Followed(server) as one:
        await asyncio.sleep(5)
        assert one.listener.there == {"b": "29"}


@virtual_time
async def test_a_lost_connection_lists_nothing_again() -> None:
    lost = ClusterUnavailableError("watch", "connection reset")
    server = Server([a_list(10, "a")], [[lost], [lost], [an_event("ADDED", "b", 11)]])
    async with Followed(server) as one:
        await asyncio.sleep(20)
        assert one.listener.there == {"a": "9", "b": "11"}
        assert len(one.listener.kept) == 1


@virtual_time
async def test_a_list_comes_in_parts() -> None:
    server = Server([a_list(10, "a", token="more"), a_list(10, "b")])
    async with Followed(server) as one:
        await asyncio.sleep(1)
        assert one.listener.kept == [{"a", "b"}]
    assert [query.get("continue") for query in server.asked[:2]] == [None, "more"]


@virtual_time
async def test_a_part_that_comes_too_late_lets_it_list_all_at_once() -> None:
    server = Server([a_list(10, "a", token="more"), 410, a_list(20, "b", "c")])
    async with Followed(server) as one:
        await asyncio.sleep(1)
        assert one.listener.kept == [{"b", "c"}]
        assert one.listener.there == {"b": "19", "c": "19"}
    assert "limit" not in server.asked[2]


@virtual_time
async def test_a_server_that_is_away_for_hours_is_asked_less_often_and_found_again() -> None:
    away = ClusterUnavailableError("list", "connection refused")
    server = Server([*[away] * 100, a_list(10, "a")])
    async with Followed(server) as one:
        await asyncio.sleep(100)
        assert len(server.asked) < 40
        assert not one.watch.synced.is_set()
        await asyncio.sleep(2 * HOUR)
        assert one.listener.there == {"a": "9"}


@virtual_time
async def test_a_right_that_is_missing_for_a_while_ends_nothing() -> None:
    server = Server([ForbiddenError("list", "no"), 403, a_list(10, "a")])
    async with Followed(server) as one:
        await asyncio.sleep(60)
        assert one.listener.there == {"a": "9"}


@virtual_time
async def test_a_server_that_ends_each_stream_at_once_is_not_asked_all_the_time() -> None:
    server = Server([a_list(10)], [[] for _ in range(1000)])
    async with Followed(server):
        await asyncio.sleep(10)
    assert len(server.asked) < 110


@virtual_time
async def test_a_server_that_refuses_each_watch_is_asked_for_lists_less_and_less_often() -> None:
    server = Server([a_list(10)] * 1000, [[an_error(410)] for _ in range(1000)])
    async with Followed(server):
        await asyncio.sleep(300)
    assert 10 < len(server.asked) < 100


@virtual_time
async def test_a_watch_of_all_namespaces_asks_for_none() -> None:
    server = Server([a_list(10)])
    async with Followed(server, namespace=None):
        await asyncio.sleep(1)
    assert server.paths[0] == "/api/v1/configmaps"
    assert server.asked[0]["labelSelector"] == "cloudflow.dev/application"
