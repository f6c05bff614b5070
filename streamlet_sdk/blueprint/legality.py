"""Which names Kubernetes and Kafka accept."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KAFKA_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


def is_label(name: str) -> bool:
    """Whether `name` can be a name and a label in Kubernetes."""
    return _LABEL.fullmatch(name) is not None


def is_kafka_name(name: str) -> bool:
    """Whether Kafka accepts `name` for a topic."""
    return _KAFKA_NAME.fullmatch(name) is not None and name not in {".", ".."}
