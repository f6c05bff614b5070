"""The form of records changes while they flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_operator import names
from support import editions
from support.editions import APPLICATION
from support.going_on import PATIENCE_SECONDS
from support.kube import eventually
from support.topic_reader import a_reader

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform
    from support.space import Space
    from support.topic_reader import Reader

UNITS = {
    ("first", "first"): "",
    ("second", "first"): "",
    ("first", "second"): "W",
    ("second", "second"): "kW",
}
"""What a reader finds in a field, by the editions of who wrote and who read."""

pytestmark = pytest.mark.slow


@pytest.fixture
async def resources(platform: Platform, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Three editions of the application, of which the last one has no image of its own."""
    project = editions.project(platform, tmp_path)
    first = editions.kept(await platform.build(project), "first")
    editions.become(project, "second")
    second = editions.kept(await platform.build(project), "second")
    editions.become(project, "third")
    image = f"{platform.cluster.registry.address}/tests/{APPLICATION}:third"
    made = await platform.cloudflow(f"build {project} --no-image --image {image}")
    assert made.status == Exit.DONE, made.err
    return first, second, editions.kept(project / "target" / f"{APPLICATION}.yaml", "third")


async def test_writers_and_readers_may_be_rolled_out_in_any_order(
    space: Space, resources: tuple[Path, Path, Path]
) -> None:
    first, second, third = resources
    bootstrap = space.platform.cluster.kafka
    application = await space.deploy(first)
    async with a_reader(bootstrap, first, second) as reader:
        await entered(space, reader, "first", "first")
        await space.done(f"deploy {editions.mixed(first, second, 'meter')} --wait")
        await entered(space, reader, "second", "first")
        await space.done(f"deploy {second} --wait")
        await entered(space, reader, "second", "second")
        await space.done(f"deploy {editions.mixed(first, second, 'book')} --wait")
        await entered(space, reader, "first", "second")
        await nothing_is_lost(space, reader)

    before = await application.read()
    for command in ("plan", "deploy"):
        refused = await space.run(f"{command} {third}")
        assert refused.status == Exit.PROBLEMS
        assert "'book.in' could not read what 'meter.out' has written until now" in refused.err
        assert "place" in refused.err
    assert (await application.read())["spec"] == before["spec"]


async def entered(space: Space, reader: Reader, writer: str, by: str) -> None:
    """Wait until some readings of one edition were read by another, with what it knows of them."""

    async def units() -> set[str]:
        found = await reader.values(topic(space, "entries"))
        return {one["unit"] for one in found if (one["writer"], one["reader"]) == (writer, by)}

    what = f"what {writer} wrote and {by} read"
    assert await eventually(units, what, PATIENCE_SECONDS) == {UNITS[writer, by]}


async def nothing_is_lost(space: Space, reader: Reader) -> None:
    """Wait until every reading that is there now is entered; none is a dead letter."""

    async def written() -> set[tuple[int, str]]:
        found = known(await reader.values(topic(space, "readings")))
        numbers = {number for number, _ in found}
        return found if numbers == set(range(max(numbers) + 1)) else set()

    async def are_entered() -> bool:
        return readings <= known(await reader.values(topic(space, "entries")))

    readings = await eventually(written, "readings without a gap", PATIENCE_SECONDS)
    await eventually(are_entered, "every reading to be entered", PATIENCE_SECONDS)
    assert await reader.values(topic(space, "book-in-dead-letters")) == []


def known(found: list[Any]) -> set[tuple[int, str]]:
    """Readings by their number and who wrote them."""
    return {(one["number"], one["writer"]) for one in found}


def topic(space: Space, name: str) -> str:
    """The name in Kafka of one of the application's topics."""
    return names.topic(space.namespace, APPLICATION, name)
