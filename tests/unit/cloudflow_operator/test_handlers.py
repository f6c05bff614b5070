"""kopf is only let watch, never gives up, and has no finalizer of anybody's."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import kopf

from cloudflow_operator import handlers, names
from cloudflow_operator.access import Access, access
from cloudflow_operator.handlers import FINALIZER, _registry, _settings
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    import pytest


async def nobody() -> Access:
    raise AssertionError


def test_kopf_has_a_finalizer_of_its_own() -> None:
    settings = _settings()
    assert settings.persistence.finalizer == FINALIZER
    assert FINALIZER != names.FINALIZER
    assert not settings.posting.enabled
    assert settings.scanning.disabled


def test_kopf_never_ends_asking() -> None:
    pauses = list(itertools.islice(_settings().networking.error_backoffs, 1000))  # type: ignore[arg-type]  # ours
    assert len(pauses) == 1000
    assert max(pauses) <= 30
    assert pauses[0] < 1


def test_kopf_has_no_handler_that_would_write() -> None:
    registry = _registry(nobody, lambda *_, **__: None)
    for kind in ("_changing", "_spawning", "_indexing", "_webhooks"):
        handlers: Any = getattr(registry, kind)
        assert not list(handlers.get_all_handlers())
    assert len(list(registry._watching.get_all_handlers())) == 1


async def test_an_event_says_what_is_there_and_what_is_gone() -> None:
    seen: list[tuple[str, bool]] = []

    def note(application: dict[str, Any], *, is_gone: bool) -> None:
        seen.append((application["metadata"]["name"], is_gone))

    [handler] = _registry(nobody, note)._watching.get_all_handlers()
    call: Any = handler.fn
    for type in (None, "ADDED", "MODIFIED", "DELETED"):
        await call(event={"type": type, "object": {"metadata": {"name": str(type)}}}, more=1)
    assert seen == [("None", False), ("ADDED", False), ("MODIFIED", False), ("DELETED", True)]


class Configuration:
    """As the client of Kubernetes has it."""

    host = "https://server"
    ssl_ca_cert = "ca.pem"
    cert_file = None
    key_file = None
    verify_ssl = True

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def get_api_key_with_prefix(self, name: str) -> str | None:
        assert name == "BearerToken"
        return self._token


async def test_kopf_asks_as_who_the_operator_is() -> None:
    found = await access(Configuration("Bearer geheim"))
    assert found.token == "geheim"
    assert found.server == "https://server"
    assert "geheim" not in repr(found)
    assert (await access(Configuration(None))).token is None


async def test_kopf_need_not_ask_who_its_user_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    async def spawned(*, identity: str | None = None, **_: object) -> tuple[()]:
        asked.append(identity)
        return ()

    monkeypatch.setattr(kopf, "spawn_tasks", spawned)
    await handlers._spawned(nobody, (), lambda *_, **__: None)
    assert None not in asked  # in a container a user has no name, and kopf would end


@virtual_time
async def test_a_watch_that_ended_is_begun_anew_without_leftovers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[float] = []
    forgotten: list[asyncio.Task[None]] = []

    async def failing() -> None:
        await asyncio.sleep(100)
        raise RuntimeError("half a line")

    async def spawned(*_: object) -> tuple[asyncio.Task[None], ...]:
        starts.append(asyncio.get_running_loop().time())
        forgotten.append(asyncio.create_task(asyncio.sleep(1e9), name="watcher for two"))
        return asyncio.create_task(failing()), asyncio.create_task(asyncio.sleep(1e9))

    monkeypatch.setattr(handlers, "_spawned", spawned)
    taken: list[int] = []
    watching = asyncio.create_task(
        handlers.watch(nobody, (), lambda *_, **__: None, lambda: taken.append(len(starts)))
    )
    await asyncio.sleep(250)
    assert len(starts) == 3
    assert taken == [1, 2, 3]
    assert [one.done() for one in forgotten] == [True, True, False]
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert forgotten[-1].cancelled()
    assert "half a line" in caplog.messages[-1]
