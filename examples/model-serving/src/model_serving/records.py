"""What flows between the streamlets. Avro schemas are made from these models."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, Field

from streamlet_sdk import Avro


class WineModel(BaseModel):
    """What all records have in common: the Avro namespace."""

    __avro__: ClassVar[Avro] = Avro(namespace="wine")


class Wine(WineModel):
    """What a laboratory measured of a lot of wine."""

    lot: str
    fixed_acidity: float
    volatile_acidity: float
    citric_acid: float
    residual_sugar: float
    chlorides: float
    free_sulfur_dioxide: float
    total_sulfur_dioxide: float
    density: float
    acidity_ph: float
    sulphates: float
    alcohol: float


class Served(WineModel):
    """How a result came about; `errors` is empty when all went well."""

    model: str
    started: datetime
    seconds: float
    errors: list[str] = Field(default_factory=list)


class WineResult(WineModel):
    """A wine and how likely it is good, between 0 and 1; None when the model could not say."""

    wine: Wine
    quality: float | None
    served: Served
