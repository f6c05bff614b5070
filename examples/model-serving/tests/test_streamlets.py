"""Handlers are functions from records to emissions, so tests call them and compare."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from model_serving import ResultLogger, WineGenerator, WineModelServer
from model_serving.cellar import Cellar
from model_serving.model import load
from model_serving.records import Served, Wine, WineResult
from streamlet_sdk import Record

MODELS = Path(__file__).parents[1] / "models"


def test_each_wine_has_its_result_and_its_cause() -> None:
    server = WineModelServer(models=MODELS, model="wine-1")
    asyncio.run(server.start())
    cellar = Cellar(seed=3)
    good = cellar.wine()
    odd = cellar.wine().model_copy(update={"alcohol": 90.0})
    records = [Record(wine, offset=offset) for offset, wine in enumerate((good, odd))]

    first, second = server.serve([good, odd], records)

    expected = load(MODELS / "wine-1.json").predict(good.model_dump(exclude={"lot"}))
    assert (first.value.wine, first.value.quality) == (good, expected)
    assert first.value.served.errors == []
    assert (first.key, first.cause) == (b"lot-1", records[0])
    assert (second.value.wine, second.value.quality) == (odd, None)
    assert second.value.served.errors[0].startswith("alcohol is 90.0")
    assert (second.key, second.cause) == (b"lot-2", records[1])


def test_a_model_that_is_not_there_stops_the_start() -> None:
    server = WineModelServer(models=MODELS, model="wine-99")
    with pytest.raises(FileNotFoundError, match="wine-99"):
        asyncio.run(server.start())


def test_the_generator_sends_as_many_wines_as_the_parameter_says() -> None:
    generator = WineGenerator(wines=2)
    asyncio.run(generator.start())
    assert [emission.key for emission in generator.send()] == [b"lot-1", b"lot-2"]
    assert [emission.key for emission in generator.send()] == [b"lot-3", b"lot-4"]


@pytest.mark.parametrize(
    ("quality", "errors", "line"),
    [
        (0.875, [], ("INFO", "lot-1 is good with 88 %")),
        (None, ["too old", "too sweet"], ("WARNING", "lot-1: too old; too sweet")),
    ],
)
def test_results_are_logged_and_errors_are_warnings(
    quality: float | None,
    errors: list[str],
    line: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    served = Served(model="wine-1", started=datetime.now(UTC), seconds=0.0, errors=errors)
    ResultLogger().log(WineResult(wine=a_wine(), quality=quality, served=served))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [line]


def a_wine() -> Wine:
    return Cellar(seed=1).wine()
