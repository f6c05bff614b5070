"""What of a group's troubles ends a streamlet, and what does not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from aiokafka import errors as kafka

from streamlet_sdk.runtime.kafka import wire
from streamlet_sdk.runtime.kafka.membership import Coordinator, GroupMembership
from streamlet_sdk.runtime.transport import Lease


@dataclass
class Told:
    """A coordinator with an error to tell."""

    error: kafka.KafkaError
    group_id: str = "group"

    def check_errors(self) -> None:
        raise self.error


def membership(error: kafka.KafkaError) -> GroupMembership:
    """A membership whose coordinator tells of `error`."""
    made = GroupMembership.__new__(GroupMembership)
    made._coordinator = Told(error)
    return made


@pytest.mark.parametrize(
    "error",
    [
        kafka.KafkaConnectionError("Connection at 127.0.0.1:1 closed"),
        kafka.GroupCoordinatorNotAvailableError(),
        kafka.RequestTimedOutError(),
    ],
)
def test_a_coordinator_that_goes_away_ends_nothing(error: kafka.KafkaError) -> None:
    membership(error).check()


@pytest.mark.parametrize(
    "error", [kafka.GroupAuthorizationFailedError(), wire.FencedInstanceIdError("member 0.in")]
)
def test_what_cannot_get_better_is_raised(error: kafka.KafkaError) -> None:
    with pytest.raises(type(error)):
        membership(error).check()


def test_a_member_that_was_heard_of_for_a_session_takes_another_one_for_a_twin() -> None:
    made = Coordinator.__new__(Coordinator)
    made._lease, made._session_timeout_ms = Lease(), 6000
    made._joined_at, made._is_join_unanswered = 100.0, True
    made._counted_on(106.0)
    assert made._is_join_unanswered, "what it had given up may still arrive"
    made._counted_on(106.5)
    assert not made._is_join_unanswered
    assert made._lease.until == 112.5
