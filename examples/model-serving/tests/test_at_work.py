"""The model server at work: with codecs, topics and a mounted model, in the test kit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from model_serving import WineModelServer
from model_serving.cellar import Cellar
from model_serving.model import load
from model_serving.records import Wine
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.testing import ApplicationKit, StreamletKit

PROJECT = Path(__file__).parents[1]
MODELS = PROJECT / "models"
WINES = PROJECT / "test-data" / "wines.json"


def test_every_wine_of_many_gets_its_result_with_its_own_time() -> None:
    cellar = Cellar(seed=3)
    wines = [cellar.wine() for _ in range(100)]
    wines[50] = wines[50].model_copy(update={"alcohol": 90.0})
    with StreamletKit(WineModelServer, models=MODELS, model="wine-1") as kit:
        for number, wine in enumerate(wines):
            kit.feed("in", wine, key=wine.lot, timestamp_ms=number)
        kit.run()
        results = kit.received("out")
        letters = kit.dead_letters("in")

    model = load(MODELS / "wine-1.json")
    assert [(r.value.wine, r.key_text, r.timestamp_ms) for r in results] == [
        (wine, wine.lot, number) for number, wine in enumerate(wines)
    ]
    for result in results:
        values = result.value.wine.model_dump(exclude={"lot"})
        errors = model.errors(values)
        assert result.value.served.errors == errors
        assert result.value.quality == (None if errors else model.predict(values))
    assert results[50].value.quality is None
    assert letters == []


@pytest.mark.parametrize("parameters", [{}, {"model": "../../etc/passwd"}])
def test_the_model_must_be_named_and_named_well(parameters: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="model"):
        StreamletKit(WineModelServer, models=MODELS, **parameters)


def test_wines_go_through_the_application_and_become_results() -> None:
    wines = [Wine.model_validate(value) for value in json.loads(WINES.read_text("utf-8"))]
    server = {"config-parameters": {"model": "wine-1"}, "volume-mounts": {"models": str(MODELS)}}
    with ApplicationKit(
        PROJECT,
        config={"cloudflow": {"streamlets": {"model-server": server}}},
        only=["model-server", "result-logger"],
    ) as kit:
        kit.feed("wines", *wines, key=lambda wine: wine.lot)
        kit.run()
        results = kit.values("results")
        assert kit.counters["result-logger"].received == 3

    assert [result.wine for result in results] == wines
    assert {result.served.model for result in results} == {"wine-1"}
    model = load(MODELS / "wine-1.json")
    good = [model.predict(wine.model_dump(exclude={"lot"})) for wine in wines[:2]]
    assert [result.quality for result in results] == [*good, None]
    assert [len(result.served.errors) for result in results] == [0, 0, 1]
