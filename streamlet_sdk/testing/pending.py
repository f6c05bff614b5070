"""What an application still has to do, in words: for a test that took too long.

Looked at while the loop stands still.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import CodeType

    from streamlet_sdk.broker import EmbeddedBroker
    from streamlet_sdk.local.supervisor import Supervisor
    from streamlet_sdk.runtime.inlet import InletRunner
    from streamlet_sdk.runtime.runner import StreamletRunner


@dataclass(frozen=True)
class Pending:
    """Looks at an application on `loop`."""

    supervisors: Iterable[Supervisor]
    broker: EmbeddedBroker
    loop: asyncio.AbstractEventLoop

    def __str__(self) -> str:
        """A line for everything that keeps a replica from being idle."""
        found = [f"{one.name}: {what}" for one in self.supervisors for what in self._of(one)]
        return "".join(f"\n  {line}" for line in found) or "every streamlet is idle"

    def _of(self, supervisor: Supervisor) -> Iterator[str]:
        runner = supervisor.runner
        if runner is None or supervisor.state != "running":
            start = None if runner is None else getattr(runner.streamlet, "start", None)
            yield f"is {supervisor.state}{self._at(start)}"
            return
        busy = [*self._inlets(runner), *self._sources(runner)]
        if not busy and not supervisor.idle:
            busy = ["waits for the broker to acknowledge what it wrote"]
        yield from busy

    def _inlets(self, runner: StreamletRunner) -> Iterator[str]:
        for inlet in runner.inlets:
            if not inlet.claims:
                yield f"inlet {inlet.name!r} has no partition"
            yield from self._partitions(inlet)

    def _partitions(self, inlet: InletRunner) -> Iterator[str]:
        handler = inlet.plan.stage.handler
        for claim in inlet.claims:
            done = inlet.worker(claim).ledger.low_water
            left = self.broker.topic(claim.topic).partitions[claim.partition].stable.end - done
            if left > 0:
                yield (
                    f"inlet {inlet.name!r}, partition {claim.partition}: {left} not done, from "
                    f"offset {done} on; handler {handler.name}{self._at(handler.call)}"
                )

    def _sources(self, runner: StreamletRunner) -> Iterator[str]:
        for source in runner.sources:
            if not source.idle:
                yield f"source {source.plan.name} is {source.state}{self._at(source.plan.generate)}"

    def _at(self, function: Callable[..., Any] | None) -> str:
        """Where a function of the user's waits, if it does."""
        at = self._waiting.get(getattr(function, "__code__", None))
        return f" at {at}" if at is not None else ""

    @cached_property
    def _waiting(self) -> Mapping[CodeType | None, str]:
        """Where coroutines wait, by their code."""
        return {
            frame.f_code: f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            for task in asyncio.all_tasks(self.loop)
            for frame in _frames(task.get_coro())
        }


def named(task: asyncio.Task[Any]) -> str:
    """A task by the function that it runs, and where it waits."""
    coroutine = task.get_coro()
    at = [f"{Path(one.f_code.co_filename).name}:{one.f_lineno}" for one in _frames(coroutine)]
    return f"{getattr(coroutine, '__qualname__', task.get_name())} at {at[0] if at else '?'}"


def _frames(waiting: Any) -> Iterator[Any]:
    """The frames of a coroutine or generator, and of what it waits for."""
    while waiting is not None:
        for prefix in ("cr", "ag", "gi"):
            frame = getattr(waiting, f"{prefix}_frame", None)
            if frame is not None:
                yield frame
                waiting = getattr(
                    waiting, f"{prefix}_await", getattr(waiting, "gi_yieldfrom", None)
                )
                break
        else:
            return
