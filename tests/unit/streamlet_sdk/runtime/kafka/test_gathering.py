"""What is asked for at the same time goes together, and each caller gets its own answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamlet_sdk.errors import DeniedError, RejectedError, TransportError, UnavailableError
from streamlet_sdk.runtime.kafka.gathering import Gathering
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Kafka:
    """Answers each request a second after it came.

    Attributes:
        sent: the names of each request that came.
        answered: how many requests were answered.
        wrong: what is answered of a name.
        failure: what the next requests end with.
    """

    def __init__(self, most: int = 32) -> None:
        self.sent: list[list[str]] = []
        self.answered = 0
        self.wrong: dict[str, TransportError] = {}
        self.failure: Exception | None = None
        self.gathering = Gathering(self._send, weight=int, most=most)

    async def _send(self, items: Mapping[str, int]) -> Mapping[str, TransportError]:
        assert len(self.sent) == self.answered, "one request at a time"
        self.sent.append(list(items))
        try:
            await asyncio.sleep(1)
        finally:
            self.answered += 1
        if self.failure is not None:
            raise self.failure
        return self.wrong

    def asking(self, *names: str, weight: int = 1) -> Sequence[asyncio.Task[None]]:
        """Tasks that ask, all in one turn of the loop."""
        return [asyncio.create_task(self.gathering.ask(name, weight)) for name in names]

    async def outcomes(self, *names: str, weight: int = 1) -> Sequence[BaseException | None]:
        tasks = self.asking(*names, weight=weight)
        return await asyncio.gather(*tasks, return_exceptions=True)


@virtual_time
async def test_what_is_asked_in_one_turn_goes_in_one_request() -> None:
    kafka = Kafka()
    assert await kafka.outcomes("a", "b", "c") == [None] * 3
    assert kafka.sent == [["a", "b", "c"]]


@virtual_time
async def test_what_comes_while_a_request_is_under_way_goes_in_the_next_one() -> None:
    kafka = Kafka()
    first = kafka.asking("a")
    await asyncio.sleep(0.2)
    then = kafka.asking("b")
    await asyncio.sleep(0.2)
    then = [*then, *kafka.asking("c", "d")]
    await asyncio.gather(*first, *then)
    assert kafka.sent == [["a"], ["b", "c", "d"]]


@virtual_time
async def test_a_request_is_no_heavier_than_it_may_be_and_nothing_is_left_out() -> None:
    kafka = Kafka(most=4)
    names = [str(number) for number in range(10)]
    await kafka.outcomes(*names)
    assert [len(each) for each in kafka.sent] == [4, 4, 2]
    assert sorted(name for each in kafka.sent for name in each) == names
    await kafka.outcomes("heavy", "heavier", weight=9)
    assert kafka.sent[3:] == [["heavy"], ["heavier"]]


@virtual_time
async def test_two_of_one_name_do_not_go_together() -> None:
    kafka = Kafka()
    await kafka.outcomes("a", "b", "a", "c")
    assert kafka.sent == [["a", "b"], ["a", "c"]]


@virtual_time
async def test_each_gets_its_own_answer() -> None:
    kafka = Kafka()
    kafka.wrong = {"b": RejectedError("no b")}
    found = await kafka.outcomes("a", "b", "c")
    assert [str(one) if one else None for one in found] == [None, "no b", None]


@virtual_time
@pytest.mark.parametrize("failure", [UnavailableError("away"), DeniedError("no"), ValueError("x")])
async def test_all_of_a_request_learn_what_became_of_it_and_the_next_one_goes_on(
    failure: Exception,
) -> None:
    kafka = Kafka()
    kafka.failure = failure
    first = kafka.asking("a", "b")
    await asyncio.sleep(0.5)
    then = kafka.asking("c")
    await asyncio.wait(first)
    kafka.failure = None
    assert [task.exception() for task in first] == [failure, failure]
    await asyncio.gather(*then)
    assert kafka.sent == [["a", "b"], ["c"]]


@virtual_time
async def test_one_who_is_cancelled_stops_nobody_else() -> None:
    kafka = Kafka()
    gone, stays = kafka.asking("a", "b")
    await asyncio.sleep(0.5)
    gone.cancel()
    await stays
    assert gone.cancelled()


@virtual_time
async def test_what_nobody_waits_for_any_more_is_not_sent() -> None:
    kafka = Kafka()
    (first,) = kafka.asking("a")
    await asyncio.sleep(0.5)
    gone, stays = kafka.asking("b", "c")
    (alone,) = kafka.asking("c")
    await asyncio.sleep(0)
    gone.cancel()
    alone.cancel()
    await asyncio.gather(first, stays)
    assert kafka.sent == [["a"], ["c"]]


@virtual_time
async def test_a_request_that_nobody_waits_for_is_given_up() -> None:
    kafka = Kafka()
    tasks = kafka.asking("a", "b")
    await asyncio.sleep(0.5)
    start = asyncio.get_running_loop().time()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert kafka.answered == 1
    assert asyncio.get_running_loop().time() == start
    assert await kafka.outcomes("c") == [None]


@virtual_time
async def test_one_who_comes_after_all_others_have_gone_is_sent() -> None:
    kafka = Kafka()
    first = kafka.asking("a")
    await asyncio.sleep(0.5)
    (gone,) = kafka.asking("b")
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    assert await kafka.outcomes("c") == [None]
    await asyncio.gather(*first)
    assert kafka.sent == [["a"], ["c"]]


@virtual_time
async def test_closing_ends_all_who_wait() -> None:
    kafka = Kafka()
    under_way = kafka.asking("a")
    await asyncio.sleep(0.5)
    waiting = kafka.asking("b")
    await asyncio.sleep(0)
    await kafka.gathering.close()
    found = await asyncio.gather(*under_way, *waiting, return_exceptions=True)
    assert [type(one) for one in found] == [UnavailableError, UnavailableError]
    assert kafka.sent == [["a"]]
