"""What the operator tells of itself is there, right, and written no more often than needed."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from cloudflow_operator.about import AGAIN, RETRY, About, Facts
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import CONFIG_MAP, Key
from cloudflow_operator.names import ABOUT, PROGRAM
from support.cluster import FakeCluster
from support.virtual_time import virtual_time

KEY = Key(CONFIG_MAP, ABOUT)


class Told:
    """An `About` on a cluster in memory, and its facts."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.clusters = {"default": KafkaCluster(prefix="a.", partitions=3, replication_factor=2)}
        self.about = About(self.cluster, "cloudflow", self.facts)

    def facts(self) -> Facts:
        return Facts(version="1.2.3", watches=["b", "a"], clusters=self.clusters)

    @property
    def data(self) -> dict[str, object]:
        found = self.cluster.objects[KEY]["data"]
        return {"version": found["version"]} | {
            key: json.loads(found[key]) for key in ("contracts", "watches", "clusters")
        }


async def test_it_says_what_there_is_to_know() -> None:
    told = Told()
    await told.about.publish()
    assert told.data == {
        "version": "1.2.3",
        "contracts": [1],
        "watches": ["a", "b"],
        "clusters": {"default": {"prefix": "a.", "partitions": 3, "replicationFactor": 2}},
    }
    metadata = told.cluster.objects[KEY]["metadata"]
    assert metadata["labels"] == {PROGRAM: ABOUT}
    assert metadata["namespace"] == "cloudflow"


async def test_no_property_of_a_cluster_is_told() -> None:
    told = Told()
    secret = {"bootstrap.servers": "kafka:9092", "sasl.jaas.config": "password"}
    told.clusters["other"] = KafkaCluster(properties=secret, secret="theirs")
    await told.about.publish()
    written = json.dumps(told.cluster.objects[KEY])
    assert not any(word in written for word in ("kafka:9092", "password", "theirs"))


async def test_what_is_right_is_not_written_again() -> None:
    told = Told()
    for _ in range(3):
        await told.about.publish()
    assert told.cluster.writes == [("apply", ABOUT)]


@pytest.mark.parametrize("what", ["data", "labels", "all"])
async def test_what_somebody_changes_is_put_right(what: str) -> None:
    told = Told()
    await told.about.publish()
    right = told.data
    if what == "data":
        told.cluster.edit(KEY, lambda one: one["data"].update(version="9"))
    elif what == "labels":
        told.cluster.edit(KEY, lambda one: one["metadata"].pop("labels"))
    else:
        told.cluster.remove(KEY)
    await told.about.publish()
    assert told.data == right
    assert told.cluster.objects[KEY]["metadata"]["labels"] == {PROGRAM: ABOUT}


@virtual_time
async def test_a_change_is_told_at_once_and_a_hand_is_corrected_later() -> None:
    told = Told()
    task = asyncio.create_task(told.about.run())
    await asyncio.sleep(1)
    told.clusters = {}
    told.about.changed()
    await asyncio.sleep(1)
    assert told.data["clusters"] == {}
    told.cluster.remove(KEY)
    await asyncio.sleep(AGAIN.total_seconds())
    assert KEY in told.cluster.objects
    task.cancel()


@virtual_time
async def test_a_failure_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    told.cluster.failures[ABOUT] = ForbiddenError("apply", "no", hint="Add the right.")
    task = asyncio.create_task(told.about.run())
    await asyncio.sleep(1)
    assert "Add the right." in caplog.messages[-1]
    told.cluster.failures.clear()
    await asyncio.sleep((RETRY + timedelta(seconds=1)).total_seconds())
    assert KEY in told.cluster.objects
    task.cancel()
