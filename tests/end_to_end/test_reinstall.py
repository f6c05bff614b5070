"""Applications go on without the chart, and are taken up again with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_operator import names
from support.chart import NAMESPACE
from support.going_on import pods, ready, records_flow
from support.installation import RELEASE
from support.kube import eventually
from support.topic_reader import a_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.installation import Platform
    from support.space import Space

pytestmark = pytest.mark.slow


@pytest.fixture
def removable(platform: Platform) -> Iterator[Platform]:
    """The platform; the operator of the session is at work in the end, whatever happens."""
    yield platform
    platform.install()


async def test_an_application_goes_on_without_the_chart_and_is_taken_up_again(
    removable: Platform, space: Space
) -> None:
    platform = removable
    resource = await platform.built("hello")
    application = await space.deploy(resource)
    before = await pods(space)
    topic = names.topic(space.namespace, "hello", "greetings")
    async with a_reader(platform.cluster.kafka, resource) as reader:
        platform.helm("uninstall", RELEASE)
        await eventually(lambda: are_none(space), "the operator to be gone")
        await records_flow(reader, topic)
        await space.done("scale hello greeter=2")

        platform.install()
        now = await ready(space, application, greeter=2)
        assert {**now, "greeter": {}} == {**before, "greeter": {}}
        assert now["greeter"].items() > before["greeter"].items()
        await records_flow(reader, topic)


async def are_none(space: Space) -> bool:
    """Whether the operator has no pod any more."""
    return not await space.kube.listed("v1", "Pod", NAMESPACE)
