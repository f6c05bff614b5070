"""Questions of the admin that go to every broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiokafka import errors as kafka

from streamlet_sdk.errors import RejectedError, UnavailableError
from streamlet_sdk.runtime.kafka.admin import KafkaAdmin
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlet_sdk.runtime.kafka.client import Client

    Answers = Mapping[int, Sequence[tuple[int, Sequence[str]]]]

LOADING = kafka.GroupLoadInProgressError.errno
REFUSED = kafka.UnsupportedVersionError.errno


class Brokers:
    """The part of a `Client` that is needed here; each broker has answers of an error
    code and group names, the last of which is repeated.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = {node: list(each) for node, each in answers.items()}
        self.cluster = SimpleNamespace(brokers=self._brokers)

    def _brokers(self) -> Sequence[Any]:
        return [SimpleNamespace(nodeId=node) for node in self.answers]

    async def connect(self) -> None:
        pass

    async def force_metadata_update(self) -> bool:
        return True

    async def ask(self, request: Any, doing: str, node: int | None = None) -> Any:
        left = self.answers[node or 0]
        code, names = left.pop(0) if len(left) > 1 else left[0]
        return SimpleNamespace(error_code=code, groups=[(name, "consumer") for name in names])


def admin(answers: Answers) -> KafkaAdmin:
    return KafkaAdmin(lambda: cast("Client", Brokers(answers)))


async def test_the_groups_of_every_broker_are_told() -> None:
    told: Answers = {1: [(0, ["plant.b", "other"])], 2: [(0, ["plant.a"])], 3: [(0, [])]}
    assert list(await admin(told).groups("plant.")) == ["plant.a", "plant.b"]


@virtual_time
async def test_a_broker_that_still_learns_of_its_groups_is_waited_for() -> None:
    told: Answers = {1: [(0, ["plant.b"])], 2: [(LOADING, []), (LOADING, []), (0, ["plant.a"])]}
    assert list(await admin(told).groups("plant.")) == ["plant.a", "plant.b"]


@virtual_time
@pytest.mark.parametrize(("code", "error"), [(LOADING, UnavailableError), (REFUSED, RejectedError)])
async def test_a_part_of_the_groups_is_no_answer(code: int, error: type[Exception]) -> None:
    told: Answers = {1: [(0, ["plant.b"])], 2: [(code, [])]}
    with pytest.raises(error, match="asking broker 2 for consumer groups"):
        await admin(told).groups("plant.")
