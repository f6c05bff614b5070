"""Documents that the pages tell people to apply are what the API server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from support.kube import path
from support.sources import ROOT

if TYPE_CHECKING:
    from support.kube import Kube

STRICT = {"dryRun": "All", "fieldValidation": "Strict"}


async def test_the_kafka_to_try_is_taken(kube: Kube, namespace: str) -> None:
    text = (ROOT / "docs" / "kafka-to-try.yaml").read_text("utf-8")
    _, *documents = yaml.safe_load_all(text)
    assert [each["kind"] for each in documents] == ["Service", "Deployment"]
    for each in documents:
        each["metadata"]["namespace"] = namespace
        address = path(each["apiVersion"], each["kind"], namespace)
        await kube.ask("POST", address, each, query=STRICT)
