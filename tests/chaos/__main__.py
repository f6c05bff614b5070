"""`python -m chaos`: runs scenarios, prints what was found; status 1 when a promise was broken."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING

from chaos.brokers import brokers
from chaos.running import UnfinishedError, run
from chaos.scenarios import ALL, SCENARIOS
from chaos.table import row, table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from chaos.stage import Result, Scenario
    from streamlet_sdk.delivery import Guarantee


def main() -> int:
    """Run what the arguments name; the exit status."""
    asked = _arguments()
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with asyncio.Runner() as runner:
        # Whoever ends it, it leaves nothing behind: both signals cancel the run.
        loop = runner.get_loop()
        run_all = loop.create_task(_run(asked))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, run_all.cancel)
        results, broken = loop.run_until_complete(run_all)
    sys.stdout.write(f"\n{table(results)}\n")
    sys.stdout.writelines(f"BROKEN {line}\n" for line in broken)
    return 1 if broken else 0


async def _run(asked: Namespace) -> tuple[list[Result], list[str]]:
    """Run everything that was asked for; the results, and what was broken."""
    results: list[Result] = []
    broken: list[str] = []
    async with brokers() as cluster:
        for scenario, guarantee in _chosen(asked):
            name = f"{scenario.name} {guarantee} with seed {asked.seed}"
            try:
                result = await run(scenario, guarantee, asked.seed, cluster)
            except UnfinishedError as error:
                broken.append(f"{name}: {error}")
                sys.stdout.write(f"{broken[-1]}\n")
                continue
            results.append(result)
            broken += [f"{name}: {what}" for what in result.broken]
            sys.stdout.write(f"{'  '.join(row(result))}  {'; '.join(result.broken)}\n")
            sys.stdout.flush()
    return results, broken


def _chosen(asked: Namespace) -> Iterator[tuple[Scenario, Guarantee]]:
    for scenario in SCENARIOS:
        for guarantee in scenario.guarantees:
            wanted = not asked.scenario or scenario.name in asked.scenario
            if wanted and (not asked.guarantee or guarantee in asked.guarantee):
                yield scenario, guarantee


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="make chaos", description="Break things, account for records.")
    names = [scenario.name for scenario in SCENARIOS]
    say = parser.add_argument
    say("--seed", type=int, default=random.randrange(10_000), help="repeats a run's choices")
    say("--scenario", nargs="*", choices=names, help="only these")
    say("--guarantee", nargs="*", choices=ALL, help="only these")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
