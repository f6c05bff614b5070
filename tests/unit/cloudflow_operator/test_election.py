"""One leader at most, whatever happens to the server, to the Lease and to the replicas."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest

from cloudflow_operator.election import Candidate, Election, Terms
from streamlet_sdk.errors import CloudflowError
from support.leases import LoopClock, Server, Way, now, replicas
from support.virtual_time import virtual_time

DURATION, DEADLINE, PERIOD = 15, 10, 2
OTHER = {"holderIdentity": "other", "leaseDurationSeconds": DURATION, "leaseTransitions": 4}


# Becoming the leader


@virtual_time
async def test_the_first_replica_leads_at_once() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await asyncio.wait_for(a.election.leading.wait(), 1)
    assert server.spec["holderIdentity"] == "a"
    assert server.spec["leaseTransitions"] == 0
    assert server.spec["acquireTime"] == server.spec["renewTime"] == "2026-01-01T00:00:00.010000Z"


@virtual_time
async def test_of_many_that_start_at_once_one_leads() -> None:
    with replicas(Server(), *"abcdefgh") as made:
        await asyncio.sleep(60)
        assert sum(one.leads for one in made) == 1


@virtual_time
async def test_a_leader_renews_by_one_request_each_period() -> None:
    server = Server()
    with replicas(server, "a"):
        await asyncio.sleep(1)
        server.asked.clear()
        await asyncio.sleep(10 * PERIOD)
    assert server.asked == [("PUT", "a")] * 10


@virtual_time
async def test_a_lease_of_another_is_left_alone_while_it_changes() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        for count in range(100):
            server.put({**OTHER, "renewTime": str(count)})
            await asyncio.sleep(DURATION - PERIOD - 1)
        assert not a.leads
    assert {method for method, _ in server.asked} == {"GET"}


@virtual_time
async def test_a_lease_that_nobody_renews_is_taken_after_its_duration() -> None:
    server = Server()
    server.put({**OTHER, "renewTime": "1970-01-01T00:00:00.000000Z"})  # by a clock that is wrong
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        assert DURATION <= now() <= DURATION + 1
    assert server.spec["leaseTransitions"] == 5


@virtual_time
async def test_the_holder_says_how_long_its_lease_is() -> None:
    server = Server()
    server.put({**OTHER, "leaseDurationSeconds": 100})
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        assert now() >= 100


@virtual_time
async def test_what_was_given_back_is_taken_at_once() -> None:
    server = Server()
    server.put({**OTHER, "holderIdentity": ""})
    with replicas(server, "a") as [a]:
        await asyncio.wait_for(a.election.leading.wait(), 1)


@virtual_time
async def test_a_container_that_starts_again_goes_on_at_once() -> None:
    server = Server()
    with replicas(server, "a"):
        await asyncio.sleep(1)
    with replicas(server, "a") as [again]:
        await asyncio.wait_for(again.election.leading.wait(), 1)
    assert server.spec["leaseTransitions"] == 0


@virtual_time
async def test_what_others_wrote_into_the_lease_stays() -> None:
    server = Server()
    server.put({"strategy": "theirs"})
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
    assert server.spec["strategy"] == "theirs"


# Staying the leader


@virtual_time
async def test_a_short_outage_changes_nothing() -> None:
    server = Server()
    with replicas(server, "a", "b") as [a, b]:
        await a.election.leading.wait()
        server.refusal = 503
        await asyncio.sleep(DEADLINE - PERIOD - 1)
        server.refusal = None
        await asyncio.sleep(60)
        assert a.leads
        assert not b.leads


@virtual_time
async def test_a_write_whose_answer_is_lost_was_done() -> None:
    server = Server()
    with replicas(server, "a", "b") as [a, b]:
        await a.election.leading.wait()
        server.lossy.add("a")
        await asyncio.sleep(PERIOD)
        server.lossy.clear()
        await asyncio.sleep(60)
        assert a.leads
        assert not b.leads


@virtual_time
async def test_a_lease_that_somebody_deletes_stays_with_its_leader() -> None:
    server = Server()
    with replicas(server, "b", "a", "c") as made:
        await asyncio.sleep(5)
        (leader,) = [one for one in made if one.leads]
        for _ in range(20):
            server.lease = None
            await asyncio.sleep(6.7)
            assert [one for one in made if one.leads] == [leader]


@virtual_time
async def test_an_edit_by_hand_changes_nothing() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await asyncio.sleep(1)
        server.put({**server.spec, "renewTime": "long ago"})
        await asyncio.sleep(60)
        assert a.leads


# Losing it


@virtual_time
async def test_a_leader_in_a_black_hole_ends_before_another_leads() -> None:
    server = Server()
    with replicas(server, "a", "b") as [a, b]:
        await a.election.leading.wait()
        await asyncio.sleep(7)
        server.holed.add("a")
        holed = now()
        await b.election.leading.wait()
        assert a.ended_at is not None
        assert a.ended_at <= holed + DEADLINE
        assert a.ended_at < now() <= holed + DURATION + PERIOD + 1


@virtual_time
async def test_a_leader_whose_token_has_expired_says_so_and_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        server.refusal = 401
        await asyncio.sleep(DEADLINE + 1)
        assert a.ended_at is not None
    told = [one for one in caplog.messages if "does not know the token" in one]
    assert 1 <= len(told) <= 2
    assert caplog.records[-1].levelno == logging.CRITICAL


@virtual_time
async def test_a_leader_that_sees_another_ends_at_once() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        server.put(OTHER)
        await asyncio.sleep(2 * PERIOD)
        assert a.ended_at is not None
    assert server.spec == OTHER


@virtual_time
async def test_a_renewal_counts_from_when_it_was_sent() -> None:
    """An answer may be late; others wait from when the server wrote, which was before."""
    server = Server()
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        sent = now()
        a.election._lead(sent - DEADLINE - 1)
        await asyncio.sleep(0)
        server.holed.add("a")
        await asyncio.sleep(DEADLINE)
        assert a.ended_at is not None
        assert a.ended_at <= sent + DEADLINE


@virtual_time
async def test_an_answer_that_comes_too_late_makes_no_leader() -> None:
    way: Any = Way(Server(), "a")
    election = Election(way, Candidate(identity="a", namespace="n"), LoopClock())
    election._lead(now() - DEADLINE)
    assert not election.leading.is_set()


@virtual_time
async def test_a_loop_that_was_held_up_does_not_lead_on() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await asyncio.sleep(1)
        loop: Any = asyncio.get_running_loop()
        loop.move(DEADLINE + PERIOD)
        turns = 0
        while a.ended_at is None:
            turns += 1
            await asyncio.sleep(0)
        assert turns <= 2


# Giving it back


@virtual_time
async def test_after_a_graceful_stop_another_leads_at_the_next_look() -> None:
    server = Server()
    with replicas(server, "a", "b") as [a, b]:
        await a.election.leading.wait()
        await a.stop()
        stopped = now()
        await b.election.leading.wait()
        assert now() <= stopped + PERIOD + 1
        assert a.ended_at is None


@virtual_time
async def test_a_standby_that_stops_leaves_the_lease_alone() -> None:
    server = Server()
    with replicas(server, "a", "b") as [a, b]:
        await asyncio.sleep(5)
        before = server.spec["holderIdentity"]
        await (b if a.leads else a).stop()
        assert server.spec["holderIdentity"] == before


@virtual_time
async def test_a_stop_without_a_server_ends_too() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        server.holed.add("a")
        await asyncio.wait_for(a.stop(), 7)
        await asyncio.sleep(DEADLINE)
        assert a.ended_at is None


@virtual_time
async def test_a_lease_that_another_has_is_not_given_back() -> None:
    server = Server()
    with replicas(server, "a") as [a]:
        await a.election.leading.wait()
        server.put(OTHER)
        await a.stop()
    assert server.spec == OTHER


@virtual_time
async def test_work_that_does_not_end_is_ended_at_the_deadline() -> None:
    with replicas(Server(), "a") as [a]:
        await a.election.leading.wait()
        await a.kill()
        await asyncio.sleep(DEADLINE)
        assert a.ended_at is not None


def test_terms_that_break_the_promise_are_refused() -> None:
    way: Any = None
    terms = Terms(duration=timedelta(seconds=10), deadline=timedelta(seconds=10))
    with pytest.raises(CloudflowError, match="do not rise"):
        Election(way, Candidate(identity="a", namespace="n"), LoopClock(), terms=terms)
