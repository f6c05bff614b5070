"""The model is real: it learned something, and its file says what it learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_serving.cellar import Cellar
from model_serving.model import Model, load, train
from model_serving.train import trained
from pydantic import ValidationError

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(scope="module")
def model() -> Model:
    return load(MODELS / "wine-1.json")


def test_the_file_is_what_training_makes(model: Model) -> None:
    again = trained("wine-1")
    assert again.bias == pytest.approx(model.bias, abs=1e-5)
    for made, stored in zip(again.features, model.features, strict=True):
        assert made.name == stored.name
        assert made.weight == pytest.approx(stored.weight, abs=1e-5)


def test_it_knows_good_wines_that_it_was_not_trained_on(model: Model) -> None:
    tasted = list(Cellar(seed=2).tasted(500))
    right = sum((model.predict(values) > 0.5) == is_good for values, is_good in tasted)
    assert right / len(tasted) > 0.75


def test_training_separates_what_can_be_separated() -> None:
    learned = train("line", [{"x": float(x)} for x in range(10)], [x > 4 for x in range(10)])
    assert [learned.predict({"x": float(x)}) > 0.5 for x in range(10)] == [False] * 5 + [True] * 5


def test_values_like_nothing_in_training_are_errors(model: Model) -> None:
    values, _ = next(Cellar(seed=3).tasted(1))
    assert model.errors(values) == []
    (error,) = model.errors(values | {"alcohol": 90.0})
    assert error.startswith("alcohol is 90.0, and the model knows ")


def test_a_file_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wine.json").write_text('{"name": "wine"}')
    with pytest.raises(ValidationError):
        load(tmp_path / "wine.json")
