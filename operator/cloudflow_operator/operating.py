"""The operator at work: every part of it, made and joined.

`main` makes one `Operator` and runs it. Each replica watches; only the leader's queue works.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from cloudflow_operator import handlers
from cloudflow_operator import metrics as measured
from cloudflow_operator.about import About, Facts
from cloudflow_operator.children import KINDS, CachedCluster, Children
from cloudflow_operator.cluster import ApiServer
from cloudflow_operator.controller import APPLICATIONS, Controller
from cloudflow_operator.election import Candidate, Election
from cloudflow_operator.interfaces import SECRET
from cloudflow_operator.kafka_admin import KafkaTopics
from cloudflow_operator.kafka_clusters import KafkaClusterBook, SecretCopies
from cloudflow_operator.names import APPLICATION, KAFKA_CLUSTER
from cloudflow_operator.own_statuses import OwnStatuses
from cloudflow_operator.probe import Probe
from cloudflow_operator.recent_topics import RecentTopics
from cloudflow_operator.reconcile import World
from cloudflow_operator.serving import Answers
from cloudflow_operator.watching import Listener, Place, Target, Watch, place_of
from cloudflow_operator.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from cloudflow_operator.interfaces import Kind, Manifest
    from cloudflow_operator.requests import Requests
    from cloudflow_operator.settings import Settings
    from cloudflow_operator.work_queue import Result

DISTRIBUTION: Final = "cloudflow-streamlets"
_BETWEEN_APPLICATIONS: Final = timedelta(seconds=1)

_log = logging.getLogger(__name__)


class SystemClock:
    """The time as it is; a `Clock`."""

    def now(self) -> datetime:
        """Aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What an operator is connected with.

    Attributes:
        requests: to the API server.
        voting: to the same, by other connections and with the patience of an election.
        metrics: told of all of them.
    """

    requests: Requests
    voting: Requests
    metrics: measured.Metrics


class Operator:
    """One replica.

    Attributes:
        answers: what it says of itself on its port.
    """

    def __init__(self, settings: Settings, namespace: str, links: Links) -> None:
        """Ask nothing yet; `namespace` is its own."""
        self._watches = settings.watch_namespaces
        self._requests = requests = links.requests
        self._metrics = links.metrics
        self._clock = SystemClock()
        self._book = KafkaClusterBook()
        self._children = Children(lambda *key: self._queue.add_calmly(Place(*key)))
        server = ApiServer(requests, self._clock, settings.pod_name, self._watches)
        self._own = OwnStatuses()
        cluster = CachedCluster(server, self._children, self._own.wrote)
        self._topics = KafkaTopics(self._book.connection)
        copies = SecretCopies(self._book, cluster)
        self._recent = RecentTopics(self._topics, time.monotonic)
        world = World(cluster=cluster, topics=self._recent, copies=copies, clock=self._clock)
        self._controller = Controller(world=world, book=self._book)
        self._queue = WorkQueue(self._controller.look, self._finished, settings.workers)
        self._about = About(cluster, namespace, self._facts)
        self._probe = Probe(
            requests, self._missed, watches=self._watches, every=settings.probe_period
        )
        candidate = Candidate(identity=settings.pod_name, namespace=namespace)
        self._election = Election(links.voting, candidate, self._clock, terms=settings.terms)
        self._followed = [*self._watches_of_children(), self._watch_of_secrets(namespace)]
        self.answers = Answers(
            why_unhealthy=self._probe.why_unhealthy,
            why_unready=self._why_unready,
            metrics=self._metrics.text,
        )
        self._measure()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then stop working, give the Lease back, and return.

        Raises:
            RuntimeError: when a part ended that never should; the process cannot go on.
        """
        catch = functools.partial(catch_signals, stop)
        applications = handlers.watch(self._requests.access, self._watches, self._seen, catch)
        followers = _started(
            ("watch of applications", applications),
            *((f"watch of {watch.target.words}", watch.run()) for watch in self._followed),
            ("probe", self._probe.run()),
            ("measurement of the loop", self._metrics.watch_loop()),
        )
        standing = _started(("election", self._election.run()))
        leading = _started(("work", self._lead()))
        try:
            await _until(stop, [*followers, *standing, *leading])
        finally:
            # The order matters: whoever writes has ended before another one may lead.
            await _ended(leading)
            await _ended(standing)
            await self._election.release()
            await self._topics.close()
            await _ended(followers)

    async def _lead(self) -> None:
        await self._election.leading.wait()
        for watch in self._followed:
            await watch.synced.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._about.run())
            group.create_task(self._queue.run())

    def _seen(self, application: Manifest, *, is_gone: bool) -> None:
        """What kopf's watch tells."""
        place, metadata = place_of(application), application["metadata"]
        status = application.get("status") or {}
        self._metrics.heard(APPLICATIONS)
        self._metrics.phase(*place, None if is_gone else status.get("phase", "Unknown"))
        if is_gone:
            self._probe.gone(*place)
            self._own.forget(place)
            if self._election.leading.is_set():
                self._controller.end(application)
            self._queue.add(place)
            return
        self._probe.saw(*place, metadata["resourceVersion"])
        if self._own.is_one(application):
            return
        if _is_news(application):
            self._queue.add(place)
        else:
            self._queue.add_calmly(place)

    def _missed(self, namespace: str, name: str) -> None:
        self._queue.add(Place(namespace, name))

    def _clusters_changed(self) -> None:
        self._about.changed()
        self._recent.forget()
        # One after the other: each may start its pods again.
        for number, key in enumerate(sorted(self._book.changed())):
            self._queue.add(Place(*key), number * _BETWEEN_APPLICATIONS)

    def _facts(self) -> Facts:
        clusters = self._book.clusters()
        return Facts(version=version(DISTRIBUTION), watches=self._watches, clusters=clusters)

    def _watches_of_children(self) -> Iterator[Watch]:
        for kind in KINDS:
            for namespace in self._watches or (None,):
                yield self._watch(Target(kind, namespace, APPLICATION), self._children)

    def _watch_of_secrets(self, namespace: str) -> Watch:
        target = Target(SECRET, namespace, KAFKA_CLUSTER)
        return self._watch(target, _Secrets(self._book, self._clusters_changed))

    def _watch(self, target: Target, listener: Children | _Secrets) -> Watch:
        return Watch(self._requests, target, listener, self._metrics.heard)

    def _finished(self, place: Place, result: Result | None, took: float) -> None:
        if result is not None and result.is_over:
            self._metrics.phase(*place, None)  # no event may have told its end
        self._metrics.reconciled(_word(result), timedelta(seconds=took))

    def _measure(self) -> None:
        self._metrics.follow(measured.QUEUE_DEPTH, lambda: self._queue.depth)
        self._metrics.follow(measured.QUEUE_AGE, lambda: self._queue.age)
        self._metrics.follow(measured.LEADER, self._election.leading.is_set)
        self._metrics.follow(measured.WATCH_STALE, lambda: self._probe.is_stale)

    def _why_unready(self) -> Iterator[str]:
        for watch in self._followed:
            if not watch.synced.is_set():
                yield f"the list of {watch.target.words} has not come yet"


class _Secrets(Listener):
    """A `watching.Listener` that keeps the book of Kafka clusters."""

    def __init__(self, book: KafkaClusterBook, changed: Callable[[], None]) -> None:
        self._book = book
        self._changed = changed
        self._known: set[str] = set()

    @override
    def put(self, kind: Kind, manifest: Manifest) -> None:
        self._known.add(place_of(manifest).name)
        self._book.put(manifest)
        self._changed()

    @override
    def remove(self, kind: Kind, manifest: Manifest) -> None:
        self._gone(place_of(manifest).name)

    @override
    def keep(self, target: Target, there: AbstractSet[Place], version: str) -> None:
        for name in self._known - {place.name for place in there}:
            self._gone(name)

    def _gone(self, name: str) -> None:
        self._known.discard(name)
        self._book.remove(name)
        self._changed()


def catch_signals(stop: asyncio.Event) -> None:
    """Let the signals that ask for an end set `stop`, from now on."""
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)


def _is_news(application: Manifest) -> bool:
    """Whether somebody waits: what changed is more than the status, as far as one can see."""
    metadata, status = application["metadata"], application.get("status") or {}
    is_going = "deletionTimestamp" in metadata
    return is_going or status.get("observedGeneration") != metadata.get("generation")


def _word(result: Result | None) -> measured.Result:
    if result is None:
        return measured.Result.CRASHED
    if result.is_over:
        return measured.Result.GONE
    return measured.Result.DONE if result.is_good else measured.Result.FAILED


def _started(*parts: tuple[str, Coroutine[Any, Any, Any]]) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(part, name=name) for name, part in parts]


async def _until(stop: asyncio.Event, parts: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for `stop`.

    Raises:
        RuntimeError: when one of `parts` ended before.
    """
    [stopping] = _started(("stop", stop.wait()))
    try:
        ended, _ = await asyncio.wait((stopping, *parts), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _ended([stopping])
    for task in ended - {stopping}:
        error = None if task.cancelled() else task.exception()
        raise RuntimeError(f"{task.get_name()} ended") from error


async def _ended(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """End tasks; how they ended does not matter any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
