"""Two applications that name the same topic on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND
from streamlet_sdk import Inlet, Streamlet
from support.applications import (
    CLASSES,
    NAME,
    Validation,
    a_streamlet,
    a_topic,
    described,
)
from support.case import until_gone, until_running
from support.deploying import a_file, a_resource
from support.kube import document

if TYPE_CHECKING:
    from support.case import Case

OTHER = "billing"


class Priced(BaseModel):
    """Not what turbines write."""

    value: float
    price: float


class Billing(Streamlet):
    """Reads what somebody else writes."""

    in_ = Inlet(Priced)

    @in_.each
    def keep(self, priced: Priced) -> None:
        """Never asked."""


def other(case: Case, reader: type[Streamlet]) -> str:
    """The path of an application that reads a topic of turbines by its name in Kafka."""
    shared = f"{case.namespace}.{NAME}.good"
    spec: dict[str, Any] = {
        "streamlets": [a_streamlet("reader", reader)],
        "topics": [a_topic("theirs", (), ("reader.in",), kafkaName=shared)],
        **described(reader),
    }
    if reader is Validation:
        spec["topics"].append(a_topic("good", ("reader.out",)))
    made = a_resource(**spec)
    return a_file(case.folder, {**made, "metadata": {"name": OTHER}}, f"{OTHER}.yaml")


async def test_a_shared_topic_belongs_to_who_made_it_and_outlasts_them(case: Case) -> None:
    one = await case.deploy(**described(*CLASSES))
    await until_running(one)
    await case.done(f"deploy {other(case, Validation)}")
    two = await case.installed(OTHER)
    found = await until_running(two)
    made = {each["name"]: each["created"] for each in found["status"]["topics"]}
    assert (made["theirs"], made["good"]) == (False, True)
    ended = await case.done(f"undeploy {NAME} --delete-topics --yes --wait")
    shared = f"{case.namespace}.{NAME}.good"
    assert f"Deleted: the topics {case.namespace}.{NAME}.raw" in ended.out
    assert f"Kept for other applications: the topics {shared}.\n" in ended.out
    topics = await case.topics(one, "raw", "good")
    assert (topics["raw"], topics["good"] is not None) == (None, True)
    await case.done(f"undeploy {OTHER} --delete-topics --yes --wait")
    await until_gone(case.kube, document(API_VERSION, KIND, OTHER, case.namespace))
    assert (await case.topics(one, "good"))["good"] is not None
    assert (await case.topics(two, "good"))["good"] is None


async def test_applications_that_cannot_read_each_other_are_told(case: Case) -> None:
    await until_running(await case.deploy(**described(*CLASSES)))
    planned = await case.done(f"plan {other(case, Billing)}")
    theirs = f"'validation.out' of {case.namespace}/{NAME}"
    told = f"'reader.in' cannot read what {theirs} writes into '{case.namespace}.{NAME}.good'"
    assert told in planned.out + planned.err
    await case.done(f"deploy {other(case, Billing)}")
    await until_running(await case.installed(OTHER))
    # Who wrote first is told as well, as soon as it is deployed again.
    again = await case.done(f"plan {case.file(**described(*CLASSES))}")
    assert f"'reader.in' of {case.namespace}/{OTHER} cannot read" in again.out + again.err
