"""A Kafka with secured listeners, for the suites of this folder that need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.secure_kafka import SecureKafka, secure_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """Listeners for each way to prove who one is; skips where there can be no Kafka."""
    with secure_kafka(tmp_path_factory.mktemp("secure-kafka")) as made:
        yield made
