"""kopf: it watches the applications, and does nothing else.

Every event goes to `operating`, which puts the application on the queue. kopf writes to none:
it has no handler that would, and a finalizer of its own that nobody uses.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

import kopf

from cloudflow_operator.api.v1alpha1 import GROUP, PLURAL, VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from cloudflow_operator.access import Access
    from cloudflow_operator.interfaces import Manifest

FINALIZER: Final = f"{GROUP}/kopf-unused"
"""kopf strips its finalizer from what it watches, so it must be nobody's."""
_CHUNK: Final = 100
# Seconds.
_SILENCE: Final = 90.0
_SERVER: Final = 300  # the API server takes whole ones alone
_CLIENT: Final = 330.0
_CONNECT: Final = 10.0
_REQUEST: Final = 20.0
_LONGEST_PAUSE: Final = 30.0
_IDENTITY: Final[Any] = "cloudflow-operator"  # kopf has no public name for the type
_WATCHER: Final = "watcher for "
"""How the names of kopf's tasks begin that watch a namespace."""

_log = logging.getLogger(__name__)


class Seen(Protocol):
    """Told what the watch tells; it must not raise."""

    def __call__(self, application: Manifest, *, is_gone: bool) -> None:
        """An application as it is, or was before its end."""
        ...


class _ForEver:
    """Seconds between attempts: kopf's watch would end with the last one, and nothing tell it."""

    def __iter__(self) -> Iterator[float]:
        pause = 0.5
        while True:
            yield pause * random.uniform(0.5, 1.0)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def watch(
    access: Callable[[], Awaitable[Access]],
    namespaces: Sequence[str],
    seen: Seen,
    started: Callable[[], None],
) -> NoReturn:
    """Watch until cancelled.

    kopf ends for good at some answers that are over in a moment: a token that the server does not
    know just then, an event of an error, half a line. Then it is begun anew, with a list of all.

    Args:
        access: asked at each start.
        namespaces: none means all.
        seen: told each application, and whether it is gone; first all that are there.
        started: called after each start, which takes the process's signals.
    """
    pauses, began = iter(_ForEver()), 0.0
    while True:
        now = asyncio.get_running_loop().time()
        if now > began + _LONGEST_PAUSE * 2:
            pauses = iter(_ForEver())
        began = now
        tasks = await _spawned(access, namespaces, seen)
        started()
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _stopped(tasks)
        errors = [str(task.exception()) for task in ended if not task.cancelled()]
        _log.warning("The watch of applications is begun anew: %s", "; ".join(errors))
        await asyncio.sleep(next(pauses))


async def _spawned(
    access: Callable[[], Awaitable[Access]], namespaces: Sequence[str], seen: Seen
) -> Sequence[asyncio.Task[Any]]:
    """The tasks of kopf, of which none ends but by a failure."""
    return tuple(
        await kopf.spawn_tasks(
            registry=_registry(access, seen),
            settings=_settings(),
            # Else kopf asks who the user is, and in a container users have no names.
            identity=_IDENTITY,
            standalone=True,
            clusterwide=not namespaces,
            namespaces=tuple(namespaces),
        )
    )


async def _stopped(tasks: Sequence[asyncio.Task[Any]]) -> None:
    # When the watch of one namespace fails kopf forgets those of the others, which go on.
    forgotten = [one for one in asyncio.all_tasks() if one.get_name().startswith(_WATCHER)]
    for task in (*tasks, *forgotten):
        task.cancel()
    await asyncio.gather(*tasks, *forgotten, return_exceptions=True)


def _registry(access: Callable[[], Awaitable[Access]], seen: Seen) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        found = await access()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.authority,
            insecure=not found.is_verified,
            token=found.token,
            certificate_path=found.certificate,
            private_key_path=found.key,
            trust_env=True,
        )

    async def tell(event: kopf.RawEvent, **_: Any) -> None:
        seen(dict(event["object"]), is_gone=event["type"] == "DELETED")

    kopf.on.login(registry=registry, backoff=1.0)(login)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(tell)
    return registry


def _settings() -> kopf.OperatorSettings:
    made = kopf.OperatorSettings()
    made.persistence.finalizer = FINALIZER
    made.posting.enabled = False
    # Namespaces and definitions are known; it needs no rights to look at them.
    made.scanning.disabled = True
    made.watching.chunk_size = _CHUNK
    made.watching.inactivity_timeout = _SILENCE
    made.watching.server_timeout = _SERVER
    made.watching.client_timeout = _CLIENT
    made.watching.connect_timeout = _CONNECT
    made.networking.request_timeout = _REQUEST
    made.networking.connect_timeout = _CONNECT
    made.networking.error_backoffs = _ForEver()
    made.process.ultimate_exiting_timeout = None
    return made
