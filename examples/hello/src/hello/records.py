"""What flows between the streamlets. Avro schemas are made from these models."""

from __future__ import annotations

from pydantic import BaseModel


class Person(BaseModel):
    """Somebody to greet."""

    name: str


class Greeting(BaseModel):
    """What is said to a person."""

    text: str
