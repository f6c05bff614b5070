"""How the streamlets are doing: a line for each, for the live view, the log and the summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamlet_sdk.local.application import LocalApplication
    from streamlet_sdk.local.supervisor import Supervisor
    from streamlet_sdk.runtime.counters import Counters

# The counters that people see, in the order of a record's life: name in JSON, for people, in code.
COUNTED: Final = (
    ("received", "received", "received"),
    ("emitted", "emitted", "emitted"),
    ("retried", "retried", "retried"),
    ("deadLettered", "dead letters", "dead_lettered"),
    ("skipped", "skipped", "skipped"),
    ("failed", "failed", "failed"),
)


@dataclass(frozen=True, slots=True)
class Status:
    """How a streamlet is doing; `counts` are in the order of `COUNTED`."""

    streamlet: str
    state: str
    counts: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """What it has done, without what it has not."""
        done = zip(self.counts, COUNTED, strict=True)
        return ", ".join(f"{count} {shown}" for count, (_, shown, _) in done if count)

    def data(self) -> dict[str, int]:
        """What it has done, for scripts."""
        return {name: count for (name, _, _), count in zip(COUNTED, self.counts, strict=True)}


def statuses(application: LocalApplication) -> Iterator[Status]:
    """The status of every streamlet, in the order of the blueprint; from any thread."""
    for name, running in list(application.streamlets.items()):
        yield Status(name, _state(running.replicas), counts(running.counters))


def counts(counters: Counters) -> tuple[int, ...]:
    """The counters that people see."""
    return tuple(getattr(counters, attribute) for _, _, attribute in COUNTED)


def _state(replicas: Sequence[Supervisor]) -> str:
    states = ["completed" if each.completed else each.state for each in list(replicas)]
    if not states:
        return "no replicas"
    # The worst of them: one that restarts is what people have to know.
    for state in ("restarting", "starting", "running", "completed"):
        if state in states:
            alike = states.count(state)
            return state if alike == len(states) else f"{state} ({alike} of {len(states)})"
    return "stopped"
