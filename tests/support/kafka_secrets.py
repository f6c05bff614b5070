"""Secrets that describe Kafka clusters, as the API server has them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cloudflow_operator import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_operator.interfaces import Manifest

OWN = "cloudflow"
"""The operator's namespace."""
SERVERS = {"bootstrap.servers": "broker:9092"}
LOGIN = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.jaas.config": 'a.LoginModule required username="ann" password="hidden";',
}


def a_secret(
    data: Mapping[str, str | bytes],
    *,
    cluster: str = "default",
    name: str | None = None,
    allowed: str | None = None,
) -> Manifest:
    """A Secret with the label of Kafka clusters."""
    annotations = {} if allowed is None else {names.ALLOWED_NAMESPACES: allowed}
    metadata = {
        "name": name or f"kafka-{cluster}",
        "namespace": OWN,
        "labels": {names.KAFKA_CLUSTER: cluster},
        "annotations": annotations,
    }
    encoded = {
        key: base64.b64encode(one if isinstance(one, bytes) else one.encode()).decode()
        for key, one in data.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
