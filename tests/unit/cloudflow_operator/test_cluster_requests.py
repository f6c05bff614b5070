"""Requests end in bounded time, with an answer or an error of ours."""

from __future__ import annotations

import asyncio
import inspect
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import OpenApiException
from kubernetes.aio.config import ConfigException

from cloudflow_operator.cluster import ApiServer
from cloudflow_operator.errors import (
    ClusterError,
    ClusterUnavailableError,
    ConflictError,
    ForbiddenError,
    RefusedError,
)
from cloudflow_operator.requests import Answer, Request, Requests, connected, path
from support.cluster import FakeClock
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

REQUEST = Request("get Pod plant/one", "GET", "/api/v1/namespaces/plant/pods/one")
DONE: dict[str, Any] = {"kind": "Pod"}


class Response:
    """One as the client gives it."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status = status
        self._body = body
        self._headers = headers

    async def read(self) -> bytes:
        return self._body

    def getheader(self, name: str) -> str | None:
        return self._headers.get(name)


class Client:
    """Does what it was told, one step a request, the last one for ever."""

    def __init__(self, *steps: Callable[[], Awaitable[Response]]) -> None:
        self._steps = steps
        self.asked: list[float] = []

    async def param_serialize(self, *words: object, **more: object) -> tuple[object, ...]:
        return words

    async def call_api(self, *_words: object) -> Response:
        step = self._steps[min(len(self.asked), len(self._steps) - 1)]
        self.asked.append(asyncio.get_running_loop().time())
        return await step()


def answers(status: int, document: object = None, **headers: str) -> Any:
    async def step() -> Response:
        body = document if isinstance(document, bytes) else json.dumps(document or DONE).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(status, body, named)

    return step


def raises(error: BaseException) -> Any:
    async def step() -> Response:
        raise error

    return step


async def _for_ever() -> Response:
    await asyncio.sleep(1_000_000)
    raise AssertionError


def requests(client: Client) -> Requests:
    twin: Any = client
    return Requests(twin)


def descendants(root: type[BaseException]) -> Iterator[type[BaseException]]:
    yield root
    for each in root.__subclasses__():
        yield from descendants(each)


def made(kind: type[BaseException]) -> BaseException:
    """One as the client makes it; every argument is whatever prints."""
    said: dict[str, Any] = {"status": 1, "reason": "", "body": "", "headers": {}}
    place = SimpleNamespace(host="h", port=1, ssl=None, is_ssl=False, real_url="u", url="u", **said)
    known: dict[str, Any] = {
        "os_error": OSError(111, "refused"),
        "certificate_error": OSError("bad"),
        "history": (),
    }
    try:
        names = [
            each.name
            for each in inspect.signature(kind).parameters.values()
            if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
        ]
    except ValueError:
        return kind("it")
    return kind(*(known.get(name, place) for name in names))


CLIENT_ERRORS = sorted(
    {
        kind
        for root in (OpenApiException, aiohttp.ClientError, ConfigException)
        for kind in descendants(root)
    }
    | {OSError, ConnectionResetError, TimeoutError},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", CLIENT_ERRORS, ids=lambda kind: kind.__name__)
def test_no_error_of_the_client_gets_out(kind: type[BaseException]) -> None:
    @virtual_time
    async def run() -> None:
        client = Client(raises(made(kind)))
        with pytest.raises(ClusterUnavailableError, match="get Pod plant/one"):
            await requests(client).ask(REQUEST)
        assert len(client.asked) == 5

    run()


@virtual_time
async def test_every_attempt_is_observed() -> None:
    twin: Any = Client(answers(503), raises(OSError("lost")), answers(200))
    seen: list[tuple[Request, int | None]] = []
    told = Requests(twin, observer=lambda request, status: seen.append((request, status)))
    await told.ask(REQUEST)
    assert seen == [(REQUEST, 503), (REQUEST, None), (REQUEST, 200)]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(status: int) -> None:
    @virtual_time
    async def run() -> None:
        client = Client(answers(status), raises(OSError("lost")), answers(200))
        assert await requests(client).ask(REQUEST) == DONE
        assert len(client.asked) == 3

    run()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, ForbiddenError),
        (403, ForbiddenError),
        (404, RefusedError),
        (409, ConflictError),
        (413, RefusedError),
        (422, RefusedError),
    ],
)
def test_what_stays_is_asked_once(status: int, kind: type[ClusterError]) -> None:
    @virtual_time
    async def run() -> None:
        client = Client(answers(status, {"message": "why"}), answers(200))
        with pytest.raises(kind, match=r"^get Pod plant/one: why$"):
            await requests(client).ask(REQUEST)
        assert len(client.asked) == 1

    run()


@virtual_time
async def test_a_manifest_that_the_server_cannot_type_is_refused_for_good() -> None:
    said = {"message": "failed to create typed patch object (a/b): .spec.nope: not declared"}
    client = Client(answers(500, said), answers(200))
    with pytest.raises(RefusedError, match="not declared"):
        await requests(client).ask(REQUEST)


@virtual_time
async def test_another_uid_is_a_conflict_though_the_server_calls_it_invalid() -> None:
    details = {"causes": [{"field": "metadata.uid", "message": "field is immutable"}]}
    client = Client(answers(422, {"message": "uid", "details": details}))
    with pytest.raises(ConflictError):
        await requests(client).ask(REQUEST)


@virtual_time
async def test_a_server_that_wants_no_version_of_what_is_not_there_makes_it_all_the_same() -> None:
    made = {"kind": "ConfigMap", "metadata": {"name": "one"}}
    client = Client(answers(409), answers(404), answers(201, made))
    cluster = ApiServer(requests(client), FakeClock(), "test")
    wanted = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": "plant"},
    }
    assert await cluster.make(wanted, manager="a") == made


async def test_the_server_says_when_to_come_again() -> None:
    client = Client(answers(429, Retry_After="7"), answers(200))
    assert await requests(client).ask(REQUEST) == DONE
    assert 7 <= client.asked[1] - client.asked[0] < 8


@virtual_time
async def test_nobody_waits_longer_than_there_is_time_for() -> None:
    client = Client(answers(429, Retry_After="3600"))
    with pytest.raises(ClusterUnavailableError) as refused:
        await requests(client).ask(REQUEST)
    assert refused.value.retry_after == timedelta(hours=1)
    assert asyncio.get_running_loop().time() - client.asked[0] < 1


@virtual_time
async def test_pauses_grow() -> None:
    client = Client(answers(503))
    with pytest.raises(ClusterUnavailableError):
        await requests(client).ask(REQUEST)
    first, *_, before, last = client.asked
    assert client.asked[1] - first <= 0.15
    assert last - before >= 0.4


@virtual_time
async def test_a_server_that_never_answers_is_away() -> None:
    client = Client(_for_ever)
    began = asyncio.get_running_loop().time()
    with pytest.raises(ClusterUnavailableError, match="no answer in time"):
        await requests(client).ask(REQUEST)
    assert asyncio.get_running_loop().time() - began <= 30
    assert len(client.asked) == 3


@virtual_time
async def test_a_cancelled_request_ends_at_once() -> None:
    asking = asyncio.create_task(requests(Client(_for_ever)).ask(REQUEST))
    await asyncio.sleep(1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"\xff"])
def test_what_is_no_document_is_no_success(body: bytes) -> None:
    @virtual_time
    async def run() -> None:
        with pytest.raises(ClusterUnavailableError, match="no JSON object"):
            await requests(Client(answers(200, body))).ask(REQUEST)

    run()


def test_a_missing_right_says_what_to_do() -> None:
    said = {"message": 'pods is forbidden: User "x" cannot list resource "pods"'}
    assert Answer(REQUEST, 403, said).error().hint == "Add the right to the operator's role."
    assert Answer(REQUEST, 403, {"message": "exceeded quota: pods=3"}).error().hint is None


def test_names_stay_inside_their_place_in_the_path() -> None:
    assert path("v1", "pods", "a/b", "..?c") == "/api/v1/namespaces/a%2Fb/pods/..%3Fc"
    assert path("apps/v1", "deployments", "a") == "/apis/apps/v1/namespaces/a/deployments"
    assert path("apps/v1", "deployments", None) == "/apis/apps/v1/deployments"
    assert path("v1", "namespaces", None, "a") == "/api/v1/namespaces/a"


@pytest.mark.parametrize("content", [None, "", "{", "kind: Config"])
async def test_a_broken_kubeconfig_is_refused(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(RefusedError, match="kubeconfig"):
        async with connected(file):
            pass


async def test_outside_of_a_pod_there_is_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(RefusedError, match="ServiceAccount"):
        async with connected():
            pass


def a_kubeconfig(file: Path, context: str, **context_says: str) -> Path:
    """One with one context, of its own server and user."""
    written = {
        "clusters": [{"name": context, "cluster": {"server": f"http://{context}.invalid"}}],
        "users": [{"name": context, "user": {"token": "t"}}],
        "contexts": [
            {"name": context, "context": {"cluster": context, "user": context, **context_says}}
        ],
        "current-context": context,
    }
    file.write_text(json.dumps(written))
    return file


async def test_the_context_says_the_namespace(tmp_path: Path) -> None:
    plain = a_kubeconfig(tmp_path / "plain", "far")
    named = a_kubeconfig(tmp_path / "named", "near", namespace="plant")
    async with connected(plain) as requests:
        assert requests.namespace is None
    async with connected(named) as requests:
        assert requests.namespace == "plant"
    async with connected([plain, named], context="near") as requests:
        assert requests.namespace == "plant"


async def test_a_context_that_is_in_no_file_is_refused(tmp_path: Path) -> None:
    file = a_kubeconfig(tmp_path / "plain", "far")
    with pytest.raises(RefusedError, match="near"):
        async with connected([file], context="near"):
            pass
