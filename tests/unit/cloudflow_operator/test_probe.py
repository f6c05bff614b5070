"""A watch that misses changes is found out, and a server that is away is no such watch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloudflow_operator.errors import ClusterUnavailableError
from cloudflow_operator.probe import Probe
from cloudflow_operator.requests import Answer, Request
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    import pytest


class Server:
    """Lists applications, two at a time.

    Attributes:
        there: resourceVersions by name, all in the namespace `plant`.
        asked: every request.
        is_away: whether nothing answers.
        is_forgetful: whether the rest of a list comes too late, once.
    """

    def __init__(self, **there: str) -> None:
        self.there = there
        self.asked: list[Request] = []
        self.is_away = False
        self.is_forgetful = False

    async def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if self.is_away:
            raise ClusterUnavailableError(request.doing, "no answer in time")
        begin = int(request.query.get("continue", 0))
        if begin and self.is_forgetful:
            self.is_forgetful = False
            return Answer(request, 410, {})
        end = begin + 2 if "limit" in request.query else len(self.there)
        metadata = {"continue": str(end)} if end < len(self.there) else {}
        items = [
            {"metadata": {"namespace": "plant", "name": name, "resourceVersion": version}}
            for name, version in list(self.there.items())[begin:end]
        ]
        return Answer(request, 200, {"metadata": metadata, "items": items})


class Probed:
    """A probe of a server, and what it found to be missed."""

    def __init__(self, server: Server, *watches: str) -> None:
        self.missed: list[str] = []
        twin: Any = server
        self.probe = Probe(twin, lambda _, name: self.missed.append(name), watches=watches)

    def saw(self, **versions: str) -> None:
        for name, version in versions.items():
            self.probe.saw("plant", name, version)

    async def looks(self, times: int) -> list[str]:
        self.missed.clear()
        for _ in range(times):
            await self.probe.look()
        return self.missed


async def test_a_watch_that_tells_everything_is_fine() -> None:
    probed = Probed(Server(a="1", b="2", c="3"))
    probed.saw(a="1", b="2", c="3")
    assert await probed.looks(3) == []
    assert not probed.probe.is_stale
    assert list(probed.probe.why_unhealthy()) == []


async def test_a_change_that_no_event_told_is_missed_at_the_second_look() -> None:
    probed = Probed(Server(a="1", b="2"))
    probed.saw(a="1", b="1")
    assert await probed.looks(1) == []
    assert not probed.probe.is_stale
    assert await probed.looks(1) == ["b"]
    assert probed.probe.is_stale
    (why,) = probed.probe.why_unhealthy()
    assert "plant/b" in why


async def test_it_is_handed_on_until_an_event_comes() -> None:
    probed = Probed(Server(a="2"))
    probed.saw(a="1")
    assert await probed.looks(4) == ["a"] * 3
    probed.saw(a="2")
    assert await probed.looks(1) == []
    assert not probed.probe.is_stale


async def test_a_new_application_is_missed_too() -> None:
    assert await Probed(Server(a="1")).looks(2) == ["a"]


async def test_a_deletion_that_no_event_told_is_missed_too_and_is_no_stale_watch() -> None:
    probed = Probed(Server())
    probed.saw(a="1")
    assert await probed.looks(2) == ["a"]
    assert not probed.probe.is_stale
    assert await probed.looks(2) == []


async def test_a_deletion_that_was_told_is_not() -> None:
    probed = Probed(Server())
    probed.saw(a="1")
    probed.probe.gone("plant", "a")
    probed.probe.gone("plant", "never-seen")
    assert await probed.looks(2) == []


async def test_an_event_that_is_late_is_waited_for() -> None:
    probed = Probed(Server(a="2"))
    probed.saw(a="1")
    await probed.looks(1)
    probed.saw(a="2")
    assert await probed.looks(1) == []


async def test_one_that_changes_all_the_time_is_not_missed_while_events_come() -> None:
    server = Server(a="0")
    probed = Probed(server)
    for count in range(10):
        server.there["a"] = str(2 * count + 1)
        assert await probed.looks(1) == []
        probed.saw(a=str(2 * count + 1))
    assert not probed.probe.is_stale


async def test_a_server_that_is_away_is_no_stale_watch(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(a="2")
    probed = Probed(server)
    await probed.looks(2)
    assert probed.probe.is_stale
    server.is_away = True
    assert await probed.looks(1) == []
    assert not probed.probe.is_stale
    assert "no answer in time" in caplog.messages[-1]
    server.is_away = False
    assert await probed.looks(1) == ["a"]


async def test_long_lists_are_read_in_pieces_and_again_when_they_are_too_old() -> None:
    versions = dict.fromkeys("abcde", "1")
    server = Server(**versions)
    probed = Probed(server)
    probed.saw(**versions)
    assert await probed.looks(1) == []
    assert len(server.asked) == 3
    server.is_forgetful = True
    assert await probed.looks(2) == []
    assert all("PartialObjectMetadataList" in one.accept for one in server.asked)


async def test_only_what_is_watched_is_listed() -> None:
    server = Server()
    await Probed(server, "one", "two").looks(1)
    await Probed(server).looks(1)
    root = "/apis/cloudflow.dev/v1alpha1"
    assert [one.path for one in server.asked] == [
        f"{root}/namespaces/one/cloudflowapplications",
        f"{root}/namespaces/two/cloudflowapplications",
        f"{root}/cloudflowapplications",
    ]


@virtual_time
async def test_it_looks_each_minute_and_not_at_the_start() -> None:
    server = Server(a="1")
    probed = Probed(server)
    task = asyncio.create_task(probed.probe.run())
    await asyncio.sleep(59)
    assert server.asked == []
    await asyncio.sleep(62)
    task.cancel()
    assert len(server.asked) == 2
    assert probed.missed == ["a"]
