"""Runs scenarios one after the other, each with a seed from which every choice follows."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from chaos.stage import Stage
from streamlet_sdk.errors import CloudflowError
from testbed.kafka import STARTING

if TYPE_CHECKING:
    from chaos.brokers import Brokers
    from chaos.stage import Result, Scenario
    from streamlet_sdk.delivery import Guarantee


# The last one is what the account says of an input that proves nothing.
_UNFINISHED = (
    TimeoutError,
    OSError,
    KafkaError,
    *STARTING,
    CloudflowError,
    ValueError,
)


class UnfinishedError(Exception):
    """A scenario could not be played to its end, so there is nothing to account for."""


async def run(scenario: Scenario, guarantee: Guarantee, seed: int, brokers: Brokers) -> Result:
    """Run one scenario with one guarantee.

    The logs of its pods stay when it fails, or when a pod ended that nobody had asked to.

    Raises:
        UnfinishedError: when the pipeline never began to work, a reader could not reach the end, or
            a broker did not come back.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"cloudflow-chaos-{scenario.name}-"))
    chance = Random(f"{seed} {scenario.name} {guarantee}")
    try:
        result = await Stage(scenario, guarantee, seed, brokers, chance).play(folder)
    except _UNFINISHED as error:
        raise UnfinishedError(f"{error!r}; logs are in {folder}") from error
    if result.broken:
        result.broken.append(f"logs are in {folder}")
    elif not result.deaths:
        shutil.rmtree(folder)
    return result
