"""The logs of an application's pods as one: merged by time, or followed as they grow.

Called by `logs`. A line is shown once: a connection that ends is opened again where the last line
was, and pods that come later are read from their beginning.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflow_cli.kube.session import LogQuery
from cloudflow_operator.errors import ClusterUnavailableError, RefusedError
from cloudflow_operator.interfaces import POD
from cloudflow_operator.names import APPLICATION, STREAMLET

if TYPE_CHECKING:
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.interfaces import Manifest

_PERIOD: Final = 1.0  # seconds between two looks for pods, and between two connections to one
_LINES_AHEAD: Final = 1000
_DIGITS: Final = 9


class Line(NamedTuple):
    """One line that a pod wrote.

    Attributes:
        time: when, as the node says it.
        text: without its end.
    """

    time: str
    streamlet: str
    pod: str
    text: str

    @property
    def moment(self) -> str:
        """The time in a form that sorts: nodes leave zeros out at the end of a fraction."""
        seconds, _, fraction = self.time.removesuffix("Z").partition(".")
        return f"{seconds}.{fraction.ljust(_DIGITS, '0')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the logs of an application's pods, or of one of its streamlets.

    Attributes:
        query: how much of each pod's log.
        tell: is called with why a pod has no log.
    """

    session: Session
    application: str
    streamlet: str | None
    query: LogQuery
    tell: Callable[[str], None]

    async def pods(self) -> Sequence[Manifest]:
        """The pods there are now."""
        selector = f"{APPLICATION}={self.application}"
        if self.streamlet is not None:
            selector += f",{STREAMLET}={self.streamlet}"
        return await self.session.server.listed(POD, self.session.namespace, selector)

    async def merged(self) -> AsyncGenerator[Line, None]:
        """Everything that the pods there are now have written, in the order of time.

        Raises:
            CloudflowError: when no pod has a log.
        """
        found = await self.pods()
        failed: list[RefusedError] = []
        async with contextlib.AsyncExitStack() as stack:
            logs = [
                await stack.enter_async_context(contextlib.aclosing(self._told(pod, failed)))
                for pod in found
            ]
            heads: list[tuple[str, int, Line]] = []
            for number, log in enumerate(logs):
                await _push(heads, number, log)
            while heads:
                _, number, line = heapq.heappop(heads)
                yield line
                await _push(heads, number, logs[number])
        if failed and len(failed) == len(found):
            raise failed[0]

    async def read(self, pod: Manifest, query: LogQuery) -> AsyncGenerator[Line, None]:
        """What one pod has written."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        streamlet = pod["metadata"]["labels"].get(STREAMLET, "")
        log = self.session.server.log(namespace, name, query)
        async with contextlib.aclosing(log) as lines:
            async for line in lines:
                time, _, text = line.partition(" ")
                yield Line(time, streamlet, name, text)

    async def _told(self, pod: Manifest, failed: list[RefusedError]) -> AsyncGenerator[Line, None]:
        try:
            async with contextlib.aclosing(self.read(pod, self.query)) as lines:
                async for line in lines:
                    yield line
        except RefusedError as error:
            failed.append(error)
            self.tell(str(error))


@dataclass(slots=True)
class Follower:
    """Follows the logs of pods until its reader has enough."""

    reader: Reader
    _queue: asyncio.Queue[Line | None] = field(default_factory=lambda: asyncio.Queue(_LINES_AHEAD))
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _present: set[str] = field(default_factory=set)
    _error: BaseException | None = None

    async def lines(self) -> AsyncGenerator[Line, None]:
        """Every line as it comes, without end.

        Raises:
            CloudflowError: when the user may not read pods or their logs.
        """
        self._begin("", self._find())
        try:
            while self._error is None:
                line = await self._queue.get()
                if line is not None:
                    yield line
            raise self._error
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Do `work` beside; its error ends the reading."""
        self._tasks[name] = task = asyncio.create_task(work)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
            # A full queue is being read, and who reads looks for the error after each line.
            with contextlib.suppress(asyncio.QueueFull):
                self._queue.put_nowait(None)

    async def _find(self) -> None:
        """Begin with each pod that comes."""
        query = self.reader.query
        while True:
            with contextlib.suppress(ClusterUnavailableError):
                pods = {pod["metadata"]["uid"]: pod for pod in await self.reader.pods()}
                self._present = set(pods)
                for uid in pods.keys() - self._tasks.keys():
                    self._begin(uid, self._follow(pods[uid], query))
                # Pods that come from now on are read from their beginning.
                query = LogQuery(is_followed=True)
            await sleep(_PERIOD)

    async def _follow(self, pod: Manifest, query: LogQuery) -> None:
        """Read a pod's log until it is gone, each line once."""
        seen, told = _Seen(), ""
        while pod["metadata"]["uid"] in self._present:
            try:
                await self._read(pod, query, seen)
            except ClusterUnavailableError:
                pass  # silence, or the connection broke: it is opened again
            except RefusedError as error:
                if str(error) != told:
                    told = str(error)
                    self.reader.tell(told)
            if seen.time:
                query = replace(query, since_time=seen.time, since=None, tail=None)
                seen.again()
            await sleep(_PERIOD)

    async def _read(self, pod: Manifest, query: LogQuery, seen: _Seen) -> None:
        async with contextlib.aclosing(self.reader.read(pod, query)) as lines:
            async for line in lines:
                if seen.is_new(line):
                    await self._queue.put(line)


@dataclass(slots=True)
class _Seen:
    """Which lines of a log were read, when it is read again from its last second on."""

    time: str = ""
    _moment: str = ""
    _count: int = 0
    _left: int = 0

    def again(self) -> None:
        """The log is read again."""
        self._left = self._count

    def is_new(self, line: Line) -> bool:
        """Whether the line was not read yet."""
        if line.moment < self._moment:
            return False
        if line.moment > self._moment:
            self.time, self._moment, self._count, self._left = line.time, line.moment, 1, 0
            return True
        if self._left:
            self._left -= 1
            return False
        self._count += 1
        return True


async def _push(heads: list[tuple[str, int, Line]], number: int, log: AsyncIterator[Line]) -> None:
    line = await anext(log, None)
    if line is not None:
        heapq.heappush(heads, (line.moment, number, line))
