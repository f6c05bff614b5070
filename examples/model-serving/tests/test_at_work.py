"""The model server at work: with codecs, topics and a mounted model, in the test kit."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_serving import WineModelServer
from model_serving.cellar import Cellar
from model_serving.model import load
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.testing import StreamletKit

MODELS = Path(__file__).parents[1] / "models"


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
