"""The operator is replaced by a newer one, and by one that writes pods in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from support.another_operator import MORE_SECONDS, another_operator, operator_before
from support.going_on import pods, ready, records_flow, replaced
from support.installation import RELEASE
from support.topic_reader import a_reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.installation import Platform
    from support.space import Space

EMMY = "cloudflow.streamlets.people.config-parameters.names=Emmy"

pytestmark = pytest.mark.slow


@pytest.fixture
def replaceable(platform: Platform) -> Iterator[Platform]:
    """The platform; the operator of the session is at work in the end, whatever happens."""
    yield platform
    platform.install()


async def form(space: Space) -> dict[str, int]:
    """What another operator alters: the seconds that pods of each streamlet may take to end."""
    return {
        one["metadata"]["labels"][names.STREAMLET]: one["spec"]["terminationGracePeriodSeconds"]
        for one in await space.pods()
    }


async def test_an_upgrade_from_the_commit_before_restarts_no_streamlet(
    replaceable: Platform, space: Space, tmp_path: Path
) -> None:
    platform = replaceable
    chart, digest = operator_before(platform, tmp_path)
    platform.install(chart, **{"image.digest": digest})
    resource = await platform.built("hello")
    application = await space.deploy(resource)
    before = await pods(space)
    async with a_reader(platform.cluster.kafka, resource) as reader:
        platform.install()
        await space.done("scale hello greeter=2")
        now = await ready(space, application, greeter=2)
        assert {**now, "greeter": {}} == {**before, "greeter": {}}
        assert now["greeter"].items() > before["greeter"].items()
        await records_flow(reader, names.topic(space.namespace, "hello", "greetings"))


async def test_an_upgrade_and_a_rollback_of_the_operator_restart_no_streamlet(
    replaceable: Platform, space: Space, tmp_path: Path
) -> None:
    platform = replaceable
    resource = await platform.built("hello")
    application = await space.deploy(resource)
    before, usual = await pods(space), await form(space)
    topic = names.topic(space.namespace, "hello", "greetings")
    async with a_reader(platform.cluster.kafka, resource) as reader:
        platform.install(**{"image.digest": another_operator(platform, tmp_path)})
        await space.done("scale hello greeter=2")
        now = await ready(space, application, greeter=2)
        assert {**now, "greeter": {}} == {**before, "greeter": {}}
        assert now["greeter"].items() > before["greeter"].items()
        assert await form(space) == usual
        await records_flow(reader, topic)

        # What is restarted anyway gets the new form, and keeps it.
        await space.done(f"configure hello {EMMY}")
        changed = await replaced(space, application, "people", now)
        assert {**changed, "people": {}} == {**now, "people": {}}
        assert await form(space) == {**usual, "people": usual["people"] + MORE_SECONDS}

        platform.helm("rollback", RELEASE)
        platform.await_operator()
        await space.done("scale hello greeter=1")
        now = await ready(space, application, greeter=1)
        assert {**now, "greeter": {}} == {**changed, "greeter": {}}
        assert now["greeter"].items() < changed["greeter"].items()
        await records_flow(reader, topic)
