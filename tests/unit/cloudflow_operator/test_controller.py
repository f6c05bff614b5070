"""What the queue is told of a look at an application."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.controller import APPLICATIONS, RESYNC, Controller
from cloudflow_operator.errors import ClusterUnavailableError, ForbiddenError
from cloudflow_operator.kafka_clusters import KafkaClusterBook
from cloudflow_operator.reconcile import World
from cloudflow_operator.watching import Place
from cloudflow_operator.work_queue import Result
from support.applications import NAME, NAMESPACE, a_document
from support.cluster import FakeClock, FakeCluster, FakeCopies, FakeTopics

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Kind, Manifest

PLACE = Place(NAMESPACE, NAME)


class Cluster(FakeCluster):
    """One that has one application at most."""

    def __init__(self) -> None:
        super().__init__()
        self.application: Manifest | Exception | None = None

    async def read(self, kind: Kind, namespace: str, name: str) -> Any:
        if kind != APPLICATIONS:
            return await super().read(kind, namespace, name)
        if isinstance(self.application, Exception):
            raise self.application
        return self.application


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def controller(cluster: Cluster) -> Controller:
    world = World(cluster=cluster, topics=FakeTopics(), copies=FakeCopies(), clock=FakeClock())
    return Controller(world=world, book=KafkaClusterBook())


async def test_one_that_is_gone_is_over(controller: Controller) -> None:
    assert await controller.look(PLACE) == Result(is_over=True)


async def test_a_server_that_cannot_be_asked_lets_it_come_again(
    controller: Controller, cluster: Cluster
) -> None:
    wait = timedelta(seconds=7)
    cluster.application = ClusterUnavailableError("get", "away", retry_after=wait)
    assert await controller.look(PLACE) == Result(is_good=False, again_after=wait)


async def test_one_with_problems_is_told_and_does_not_come_again_soon(
    controller: Controller, cluster: Cluster
) -> None:
    cluster.application = a_document()  # and no Kafka cluster is known
    result = await controller.look(PLACE)
    assert result.is_good
    assert result.again_after is not None
    assert result.again_after > RESYNC / 2
    assert cluster.statuses[NAME]["conditions"]


async def test_what_could_not_be_written_is_a_failure(
    controller: Controller, cluster: Cluster
) -> None:
    cluster.application = a_document()
    cluster.failures[NAME] = ForbiddenError("write status", "no")
    result = await controller.look(PLACE)
    assert not result.is_good
    assert result.again_after is not None


async def test_the_end_of_one_is_told_once(controller: Controller, cluster: Cluster) -> None:
    controller.end(a_document())
    for _ in range(2):
        assert (await controller.look(PLACE)).is_over
    assert [reason for reason, _ in cluster.events] == ["ApplicationUndeployed"]


@pytest.mark.parametrize(
    ("policy", "was_held", "told"),
    [
        ("Retain", False, "its topics stay"),
        ("Delete", True, "the topics that were made for it too"),
        ("Delete", False, "before the operator knew of `deletionPolicy: Delete`"),
    ],
)
async def test_the_end_of_topics_is_told_as_it_was(
    controller: Controller, cluster: Cluster, policy: str, *, was_held: bool, told: str
) -> None:
    last = a_document(deletionPolicy=policy)
    if was_held:
        last["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    controller.end(last)
    await controller.look(PLACE)
    [(_, message)] = cluster.events
    assert message.endswith(told)


async def test_an_end_that_cannot_be_told_stops_nothing(
    controller: Controller, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise ForbiddenError("create Event", "the namespace is being terminated")

    monkeypatch.setattr(cluster, "event", refuse)
    controller.end(a_document())
    assert await controller.look(PLACE) == Result(is_over=True)


async def test_one_that_is_all_right_is_looked_at_again_although_nothing_is_heard(
    controller: Controller, cluster: Cluster
) -> None:
    # Kafka tells nobody that a topic is gone.
    cluster.application = a_document(streamlets=[], topics=[])
    cluster.application["metadata"]["generation"] = 1
    result = await controller.look(PLACE)
    assert result.is_good
    assert result.again_after is not None
    assert 0.7 * RESYNC < result.again_after < 1.3 * RESYNC
