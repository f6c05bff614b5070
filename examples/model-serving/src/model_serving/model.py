"""A logistic regression: small, real, and without a library.

`train` makes one and writes it to a file; the model server reads the file and asks it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import fmean, pstdev

from pydantic import BaseModel, ConfigDict

LEARNING_RATE = 0.1
EPOCHS = 40


class Feature(BaseModel):
    """One measurement of a wine: what was seen of it in training, and how much it counts."""

    model_config = ConfigDict(extra="forbid")

    name: str
    mean: float
    deviation: float
    lowest: float
    highest: float
    weight: float

    def scaled(self, value: float) -> float:
        """`value` in deviations from the mean."""
        return (value - self.mean) / self.deviation


class Model(BaseModel):
    """A trained model, as its file has it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    bias: float
    features: tuple[Feature, ...]

    def errors(self, values: Mapping[str, float]) -> list[str]:
        """Why the model cannot say anything about `values`: they are like nothing it has seen."""
        return [
            f"{feature.name} is {values[feature.name]}, "
            f"and the model knows {feature.lowest} to {feature.highest}"
            for feature in self.features
            if not feature.lowest <= values[feature.name] <= feature.highest
        ]

    def predict(self, values: Mapping[str, float]) -> float:
        """How likely the wine with these measurements is good, between 0 and 1."""
        return _likelihood(
            self.bias, [(each.weight, each.scaled(values[each.name])) for each in self.features]
        )


def load(file: Path) -> Model:
    """The model in a file.

    Raises:
        OSError: when there is no such file.
        pydantic.ValidationError: when there is no model in it.
    """
    return Model.model_validate_json(file.read_bytes())


def train(name: str, rows: Sequence[Mapping[str, float]], are_good: Sequence[bool]) -> Model:
    """A model that has learned from `rows` which wines are good; always the same for the same."""
    features = [_feature(column, [row[column] for row in rows]) for column in rows[0]]
    scaled = [[each.scaled(row[each.name]) for each in features] for row in rows]
    weights = [0.0] * len(features)
    bias = 0.0
    order = list(range(len(rows)))
    random = Random(0)
    for epoch in range(EPOCHS):
        random.shuffle(order)
        rate = LEARNING_RATE / (1 + epoch)
        for index in order:
            row = scaled[index]
            error = are_good[index] - _likelihood(bias, zip(weights, row, strict=True))
            bias += rate * error
            weights = [w + rate * error * x for w, x in zip(weights, row, strict=True)]
    learned = [
        feature.model_copy(update={"weight": round(weight, 6)})
        for feature, weight in zip(features, weights, strict=True)
    ]
    return Model(name=name, bias=round(bias, 6), features=tuple(learned))


def _feature(name: str, column: Sequence[float]) -> Feature:
    return Feature(
        name=name,
        mean=round(fmean(column), 6),
        deviation=round(pstdev(column), 6),
        lowest=min(column),
        highest=max(column),
        weight=0,
    )


def _likelihood(bias: float, terms: Iterable[tuple[float, float]]) -> float:
    return 1 / (1 + math.exp(-bias - sum(weight * value for weight, value in terms)))
