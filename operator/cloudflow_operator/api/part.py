"""What all types of the custom resource are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

Name = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63, strip_whitespace=False
    ),
]
Text = Annotated[str, StringConstraints(max_length=4096)]
# The rule that compares classes with descriptors is affordable with names of this length.
ClassName = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class Part(BaseModel):
    """Base of the resource's parts: camelCase in YAML; fields of later versions are let pass."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )
