"""What the pages about concepts show runs, and what their tables say is so."""

from __future__ import annotations

import inspect
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import yaml

from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.blueprint.document import delivery, parse
from streamlet_sdk.blueprint.reading import root
from streamlet_sdk.broker.log import Record
from streamlet_sdk.contract import DeliveryOverride, RetryOverride, Settings
from streamlet_sdk.delivery import Delivery
from streamlet_sdk.parameters import parse_duration
from streamlet_sdk.runtime.counters import Counters
from streamlet_sdk.runtime.failures import FailedRecord, Policy
from streamlet_sdk.runtime.offsets import Ledger
from streamlet_sdk.runtime.outbox import Entry
from streamlet_sdk.streamlet import Streamlet
from support.documents import code_blocks
from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.problems import Problem

CONCEPTS = ROOT / "docs" / "concepts"
DELIVERY = CONCEPTS / "delivery.md"


@pytest.fixture(params=["streamlets", "delivery"])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A page's Python blocks, run one after another as one module."""
    module = ModuleType(f"page_{request.param}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("\n".join(code_blocks(CONCEPTS / f"{request.param}.md", "python")), vars(module))
    return module


def test_the_streamlets_of_a_page_have_no_problems(page: ModuleType) -> None:
    classes = [item for item in own(page) if inspect.isclass(item) and issubclass(item, Streamlet)]
    problems: list[Problem] = []
    for cls in classes:
        problems += describe(cls, f"{cls.__module__}:{cls.__name__}")[1]
    assert classes
    assert problems == []


def test_the_tests_of_a_page_pass(page: ModuleType) -> None:
    for item in own(page):
        if inspect.isfunction(item) and item.__name__.startswith("test_"):
            item()


def own(module: ModuleType) -> Iterator[object]:
    return (
        item for item in vars(module).values() if getattr(item, "__module__", "") == module.__name__
    )


def table(heading: str) -> dict[str, str]:
    """The first two columns of the rows of the table that begins with `heading`."""
    text = DELIVERY.read_text("utf-8")
    block = text[text.index(f"| {heading} |") :].split("\n\n", 1)[0]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()[2:]]
    return {first: second for first, second, *_ in cells}


def test_the_table_of_settings_has_the_real_defaults() -> None:
    said = table("setting")
    assert said
    for name, default in said.items():
        field = name.strip("`")
        known = Settings.model_validate({field: default})
        assert known == Settings(), name


def test_the_table_of_dead_letters_has_every_header_and_no_other() -> None:
    said = {name for cell in table("header") for name in re.findall(r"`(cloudflow-[a-z-]+)`", cell)}
    policy = Policy(
        delivery=Delivery(),
        application="shop",
        streamlet="booking",
        inlet="in",
        counters=Counters(),
        dead_letters=None,
    )
    record = Record(offset=7, key=None, value=b"value", timestamp=0, headers=(), size=5)
    failed = FailedRecord(
        record=record, topic="payments", partition=0, error=ValueError("no"), attempts=3
    )
    headers = policy._headers(failed)
    letter = Entry(None, b"value", 0, headers, Ledger(0).begin(), record, dead_letter=True)
    shortened = policy.shortened(letter).headers
    assert said == {name for name, _ in (*headers, *shortened)}


def test_policies_in_documents_are_read_as_they_stand() -> None:
    topics, blueprint, configuration = map(yaml.safe_load, code_blocks(DELIVERY, "yaml"))
    assert list(topics) == ["topics"]
    read = parse(blueprint)
    assert read.problems == ()
    assert read.streamlets["booking"].delivery == {
        "in": DeliveryOverride(
            retry=RetryOverride(attempts=10, max_backoff=parse_duration("1 minute")),
            on_exhausted="stop",
        )
    }
    problems: list[Problem] = []
    section = root(configuration, "cloudflow", problems)
    booking = section.section("streamlets").section("booking")
    assert delivery(booking.section("delivery")) == {
        "in": DeliveryOverride(guarantee="exactly-once")
    }
    assert problems == []
