"""Requests to the API server that end in bounded time with an answer or a `ClusterError`.

`cluster` and the election of a leader ask through it; nothing else here imports the client. It
knows nothing of what is asked for. A request may be sent several times, so only such may be asked
that do no harm then: reads, applies, patches with a test, deletes of a uid.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import quote

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import OpenApiException
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from cloudflow_operator.access import Access, access, take_proxy
from cloudflow_operator.errors import (
    ClusterError,
    ClusterUnavailableError,
    ConflictError,
    ForbiddenError,
    RefusedError,
)
from cloudflow_operator.streaming import broken_off, lines

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from cloudflow_operator.interfaces import Manifest

JSON: Final = "application/json"
APPLY: Final = "application/apply-patch+yaml"
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"

_CLIENT_ERRORS: Final = (OpenApiException, ConfigException, aiohttp.ClientError, OSError)
_BAD_PATCH: Final = "failed to create typed patch object"
_UID: Final = "metadata.uid"
_LONGEST_MESSAGE: Final = 2000
_NAMESPACE_OF_POD: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Patience(NamedTuple):
    """How long to wait for an answer, and how often to ask for it.

    The pause before the second attempt is about `pause`; each further one is twice the last.
    """

    attempt: timedelta = timedelta(seconds=10)
    total: timedelta = timedelta(seconds=30)
    attempts: int = 5
    pause: timedelta = timedelta(milliseconds=100)


USUAL: Final = Patience()


class Request(NamedTuple):
    """What is asked; `doing` is verb and object for messages, as `ClusterError.doing` has it."""

    doing: str
    method: str
    path: str
    query: Mapping[str, str] = {}
    body: Any = None
    media: str = JSON
    accept: str = JSON


class Observer(Protocol):
    """Told of every attempt at a request, once it is over; it must not raise."""

    def __call__(self, request: Request, status: int | None) -> None:
        """`status` is None when there was no answer."""
        ...


class Answer(NamedTuple):
    """What the server said; a refusal is an answer too."""

    request: Request
    status: int
    document: Manifest
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the server did it."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed in a moment."""
        if self.status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}:
            return True
        # That one the server calls its own fault, but it is the manifest's, and stays.
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and _BAD_PATCH not in self.message

    @property
    def is_failed_test(self) -> bool:
        """Whether the test in a JSON patch was not met; all other such refusals name a cause."""
        return self.status == HTTPStatus.UNPROCESSABLE_ENTITY and not self.document.get("details")

    @property
    def message(self) -> str:
        """The server's sentence, or its status where it has none."""
        said = self.document.get("message") or f"the server answered {self.status}"
        return str(said)[:_LONGEST_MESSAGE]

    def checked(self) -> Manifest:
        """The document of a success.

        Raises:
            ClusterError: what the answer is otherwise.
        """
        if self.is_success:
            return self.document
        raise self.error()

    def error(self) -> ClusterError:
        """What a refusal means."""
        doing = self.request.doing
        if self.is_transient:
            return ClusterUnavailableError(doing, self.message, retry_after=self.retry_after)
        if self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return ForbiddenError(doing, self.message, hint=self._missing_right())
        if self.status == HTTPStatus.CONFLICT or self._is_about_the_uid():
            return ConflictError(doing, self.message)
        return RefusedError(doing, self.message)

    def _missing_right(self) -> str | None:
        if self.status == HTTPStatus.UNAUTHORIZED:
            return "The server does not know the token: is the operator's ServiceAccount there?"
        # Quotas and namespaces that end are refusals with this status that no role cures.
        return "Add the right to the operator's role." if " cannot " in self.message else None

    def _is_about_the_uid(self) -> bool:
        details = self.document.get("details") or {}
        return any(cause.get("field") == _UID for cause in details.get("causes") or ())


class Requests:
    """Asks one API server as one user.

    Overload, faults of the server and lost connections are met by asking again, a few times and
    within `patience`. Cancelling ends it at once; whether the server has done it is not known then.

    Attributes:
        namespace: the one that the kubeconfig's context names; None when it names none.
    """

    def __init__(
        self,
        client: ApiClient,
        patience: Patience = USUAL,
        observer: Observer | None = None,
        *,
        namespace: str | None = None,
    ) -> None:
        self.namespace = namespace
        self._client: Any = client  # its methods have no annotations
        self._patience = patience
        self._observer: Observer = observer or _unobserved

    async def ask(self, request: Request) -> Manifest:
        """The document of a success.

        Raises:
            ClusterError: on any other answer, or none.
        """
        return (await self.answer(request)).checked()

    async def answer(self, request: Request) -> Answer:
        """What the server says that asking again would not change.

        Raises:
            ClusterUnavailableError: when it says nothing of that kind in time.
        """
        last: ClusterError = ClusterUnavailableError(request.doing, "no answer in time")
        try:
            async with asyncio.timeout(self._patience.total.total_seconds()) as limit:
                for attempt in range(self._patience.attempts):
                    if attempt:
                        await self._pause(attempt, last, limit)
                    try:
                        answer = await self._attempt(request)
                    except ClusterUnavailableError as error:
                        last = error
                        continue
                    if not answer.is_transient:
                        return answer
                    last = answer.error()
        except TimeoutError:
            pass  # `last` says more than that
        raise last

    async def stream(self, request: Request, silence: timedelta) -> AsyncGenerator[Manifest, None]:
        """The same as `lines`, each a document; one that was cut off is left out."""
        async with contextlib.aclosing(self.lines(request, silence)) as found:
            async for line in found:
                if line.endswith(b"\n"):
                    yield _document(line)

    async def lines(self, request: Request, silence: timedelta) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that goes on, with their ends, until the server ends it.

        Nothing is asked again; `silence` is for how long nothing may come. Close it with
        `contextlib.aclosing`, or the connection stays.

        Raises:
            ClusterError: on a refusal, a lost connection, or silence.
        """
        try:
            async with asyncio.timeout(self._patience.attempt.total_seconds()):
                response = await self._sent(request, _request_timeout=aiohttp.ClientTimeout())
            self._observer(request, response.status)
            async with broken_off(response.response):
                if response.status != HTTPStatus.OK:
                    async with asyncio.timeout(self._patience.attempt.total_seconds()):
                        raise _answer(request, response, await response.read()).error()
                async for line in lines(response.response.content, silence):
                    yield line
        except TimeoutError:
            raise ClusterUnavailableError(request.doing, "no answer in time") from None
        except _CLIENT_ERRORS as error:
            raise _unavailable(request, error) from error

    async def access(self) -> Access:
        """The same server and user, for another client."""
        return await access(self._client.configuration)

    async def _pause(self, attempt: int, last: ClusterError, limit: asyncio.Timeout) -> None:
        pause = self._patience.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
        if last.retry_after is not None:
            pause += last.retry_after
        until = asyncio.get_running_loop().time() + pause.total_seconds()
        end = limit.when()
        if end is not None and until >= end:
            raise last
        await asyncio.sleep(pause.total_seconds())

    async def _attempt(self, request: Request) -> Answer:
        try:
            async with asyncio.timeout(self._patience.attempt.total_seconds()):
                response, data = await self._exchange(request)
        except TimeoutError:
            self._observer(request, None)
            raise ClusterUnavailableError(request.doing, "no answer in time") from None
        except _CLIENT_ERRORS as error:
            self._observer(request, None)
            raise _unavailable(request, error) from error
        self._observer(request, response.status)
        answer = _answer(request, response, data)
        if answer.is_success and not answer.document:
            raise ClusterUnavailableError(request.doing, "the answer is no JSON object")
        return answer

    async def _exchange(self, request: Request) -> tuple[Any, bytes]:
        response = await self._sent(request)
        return response, await response.read()

    async def _sent(self, request: Request, **more: Any) -> Any:
        words = await self._client.param_serialize(
            request.method,
            request.path,
            query_params=[*request.query.items()],
            header_params={"Accept": request.accept, "Content-Type": request.media},
            body=request.body,
            auth_settings=["BearerToken"],
        )
        return await self._client.call_api(*words, **more)


@contextlib.asynccontextmanager
async def connected(
    kubeconfig: Path | Sequence[Path] | None = None,
    patience: Patience = USUAL,
    observer: Observer | None = None,
    *,
    context: str | None = None,
) -> AsyncIterator[Requests]:
    """As who the file's context says; None is the ServiceAccount of the own pod.

    Nothing is sent yet.

    Of several files the first to say something wins; no context is the current one of the files.

    Raises:
        RefusedError: when there is no such file, context or account, or it is broken.
    """
    # Watches keep a connection each; what bounds the others is who asks.
    configuration = Configuration(connection_pool_maxsize=0)
    try:
        namespace = await _load(configuration, kubeconfig, context)
        take_proxy(configuration)
        client = ApiClient(configuration)
    except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
        files = os.pathsep.join(map(str, _files(kubeconfig)))
        whose = files or "the pod's ServiceAccount"
        raise RefusedError(f"connect as {whose} says", str(error)) from error
    try:
        yield Requests(client, patience, observer, namespace=namespace)
    finally:
        close: Any = client.close  # has no annotations
        await close()


def path(api_version: str, plural: str, namespace: str | None, *more: str) -> str:
    """Where all of a kind are in `namespace`, or with `more` an object and its part.

    Without a namespace: in all of them, or of a kind that is in none.
    """
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    inside = () if namespace is None else ("namespaces", namespace)
    return "/".join((root, *(quote(part, safe="") for part in (*inside, plural, *more))))


def _unobserved(request: Request, status: int | None) -> None:
    """Nobody counts."""


async def _load(
    configuration: Configuration, kubeconfig: Path | Sequence[Path] | None, context: str | None
) -> str | None:
    """Read who we are and where; the namespace that is meant."""
    in_pod: Any = load_incluster_config  # neither has annotations
    from_file: Any = load_kube_config
    files = _files(kubeconfig)
    if not files:
        in_pod(client_configuration=configuration)
        return _NAMESPACE_OF_POD.read_text() if _NAMESPACE_OF_POD.exists() else None
    for file in files:
        _check(file)
    loader = await from_file(
        os.pathsep.join(map(str, files)),
        context=context,
        client_configuration=configuration,
        persist_config=False,
    )
    return loader.current_context["context"].get("namespace") or None


def _files(kubeconfig: Path | Sequence[Path] | None) -> Sequence[Path]:
    if kubeconfig is None:
        return ()
    return (kubeconfig,) if isinstance(kubeconfig, Path) else kubeconfig


def _check(kubeconfig: Path) -> None:
    # The client falls over whatever is no mapping.
    if not isinstance(yaml.safe_load(kubeconfig.read_bytes()), dict):
        raise ConfigException("the file is no mapping")


def _answer(request: Request, response: Any, data: bytes) -> Answer:
    retry_after = _seconds(response.getheader("Retry-After"))
    return Answer(request, response.status, _document(data), retry_after)


def _unavailable(request: Request, error: BaseException) -> ClusterUnavailableError:
    message = f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
    return ClusterUnavailableError(request.doing, message)


def _document(data: bytes) -> Manifest:
    try:
        found = json.loads(data)
    except ValueError:  # what is between us and the server may answer in HTML
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(header: str | None) -> timedelta | None:
    return timedelta(seconds=int(header)) if header and header.isdecimal() else None
