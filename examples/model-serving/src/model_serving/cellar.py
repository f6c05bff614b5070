"""Makes wines up, spread as those of a well-known study of Portuguese red wines are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from model_serving.records import Wine

# Mean and deviation of each measurement, and how much a deviation more of it helps the taste.
SPREAD = {
    "fixed_acidity": (8.32, 1.74, 0.2),
    "volatile_acidity": (0.53, 0.18, -1.2),
    "citric_acid": (0.27, 0.19, 0.0),
    "residual_sugar": (2.54, 1.41, 0.1),
    "chlorides": (0.087, 0.047, -0.4),
    "free_sulfur_dioxide": (15.9, 10.5, 0.1),
    "total_sulfur_dioxide": (46.5, 32.9, -0.8),
    "density": (0.9967, 0.0019, -0.3),
    "acidity_ph": (3.31, 0.15, 0.0),
    "sulphates": (0.66, 0.17, 1.2),
    "alcohol": (10.4, 1.07, 2.0),
}
DIGITS = 4


class Cellar:
    """Endless wines; the same ones for the same seed."""

    def __init__(self, seed: int | None = None) -> None:
        """Begin anew; without a seed the wines are different each time."""
        self._random = Random(seed)
        self._lots = 0

    def wine(self) -> Wine:
        """The next wine."""
        self._lots += 1
        return Wine(lot=f"lot-{self._lots}", **self._measured())

    def tasted(self, count: int) -> Iterator[tuple[dict[str, float], bool]]:
        """Measurements of `count` wines, each with whether those who tasted it found it good."""
        for _ in range(count):
            values = self._measured()
            merit = sum(
                helps * (values[name] - mean) / deviation
                for name, (mean, deviation, helps) in SPREAD.items()
            )
            yield values, self._random.random() < 1 / (1 + math.exp(-merit))

    def _measured(self) -> dict[str, float]:
        return {
            name: round(max(0.0, self._random.gauss(mean, deviation)), DIGITS)
            for name, (mean, deviation, _) in SPREAD.items()
        }
