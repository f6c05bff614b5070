"""Waiting until all brokers know of topics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from aiokafka import errors as kafka

from streamlet_sdk.errors import DeniedError, UnavailableError
from streamlet_sdk.runtime.kafka.layouts import settled
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.runtime.kafka.client import Client

DENIED = kafka.TopicAuthorizationFailedError.errno
MISSING = kafka.UnknownTopicOrPartitionError.errno


class Brokers:
    """The part of a `Client` that is needed here.

    Attributes:
        since: the round of questions from which on each broker knows a topic, by topic.
        denied: topics that nobody may know of.
        away: brokers that do not answer.
        asked: names in each question, by broker.
    """

    def __init__(self, since: Mapping[str, Mapping[int, int]]) -> None:
        self.since = since
        self.denied: set[str] = set()
        self.away: set[int] = set()
        self.asked: dict[int, list[list[str]]] = {1: [], 2: []}
        nodes = [SimpleNamespace(nodeId=node) for node in self.asked]
        self.cluster = SimpleNamespace(brokers=lambda: nodes)

    async def ask(self, request: Any, _doing: str, node: int) -> Any:
        names = list(vars(request)["_topics"])
        self.asked[node].append(names)
        if node in self.away:
            raise UnavailableError("it is away")
        return SimpleNamespace(topics=[self._row(name, node) for name in names])

    def _row(self, name: str, node: int) -> tuple[object, ...]:
        if name in self.denied:
            return DENIED, name, False, []
        if len(self.asked[node]) < self.since[name][node]:
            return MISSING, name, False, []
        return 0, name, False, [(0, 0, 1, [1])]

    async def awaited(self, *names: str) -> Mapping[str, Exception]:
        return await settled(cast("Client", self), dict.fromkeys(names, bool))


@virtual_time
async def test_each_broker_is_asked_of_all_topics_at_once_and_then_of_those_that_are_left() -> None:
    brokers = Brokers({"a": {1: 1, 2: 1}, "b": {1: 1, 2: 3}})
    assert await brokers.awaited("a", "b") == {}
    asked = [["a", "b"], ["b"], ["b"]]
    assert brokers.asked == {1: asked, 2: asked}


@virtual_time
async def test_a_topic_that_may_not_be_known_keeps_up_no_other_one() -> None:
    brokers = Brokers({"a": {1: 2, 2: 2}, "secret": {}})
    brokers.denied = {"secret"}
    wrong = await brokers.awaited("a", "secret")
    assert {name: type(error) for name, error in wrong.items()} == {"secret": DeniedError}
    assert brokers.asked[1] == [["a", "secret"], ["a"]]


@virtual_time
async def test_a_topic_that_a_broker_never_knows_is_told_by_name() -> None:
    brokers = Brokers({"a": {1: 1, 2: 1}, "late": {1: 1, 2: 1_000}})
    wrong = await brokers.awaited("a", "late")
    assert list(wrong) == ["late"]
    assert "topic late" in str(wrong["late"])


@virtual_time
async def test_a_broker_that_is_away_is_not_waited_for() -> None:
    brokers = Brokers({"a": {1: 1, 2: 1_000}})
    brokers.away = {2}
    assert await brokers.awaited("a") == {}


@virtual_time
async def test_nobody_is_asked_of_nothing() -> None:
    brokers = Brokers({})
    assert await brokers.awaited() == {}
    assert brokers.asked == {1: [], 2: []}
