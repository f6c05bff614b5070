"""Runs scenarios one after the other, each with a seed from which every choice follows."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from chaos.stage import Stage

if TYPE_CHECKING:
    from chaos.brokers import Brokers
    from chaos.stage import Result, Scenario
    from streamlet_sdk.delivery import Guarantee


async def run(scenario: Scenario, guarantee: Guarantee, seed: int, brokers: Brokers) -> Result:
    """Run one scenario with one guarantee.

    The logs of its pods stay when it fails, or when a pod ended that nobody had asked to.

    Raises:
        TimeoutError: when the pipeline never began to work, or a reader could not reach the end.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"cloudflow-chaos-{scenario.name}-"))
    chance = Random(f"{seed} {scenario.name} {guarantee}")
    try:
        result = await Stage(scenario, guarantee, seed, brokers, chance).play(folder)
    except TimeoutError as error:
        error.add_note(f"{scenario.name} {guarantee} seed {seed}: logs are in {folder}")
        raise
    if result.broken:
        result.broken.append(f"logs are in {folder}")
    elif not result.deaths:
        shutil.rmtree(folder)
    return result
