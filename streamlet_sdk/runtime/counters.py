"""What a streamlet has done so far; the sandbox's summary and `/metrics` are made from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counts since the streamlet's first start; restarts do not reset them.

    Attributes:
        received: records handed to a handler for the first time.
        emitted: emissions that the broker has acknowledged, dead letters not included.
        retried: handler calls after a failed one.
        dead_lettered: records given up into a dead-letter port.
        skipped: records given up and dropped.
        failed: times that the streamlet, or one of its sources, ended with an error.
        commits_lost: commits that the group refused; their records may come again.
        blocked: times that a handler held up the event loop for too long.
    """

    received: int = 0
    emitted: int = 0
    retried: int = 0
    dead_lettered: int = 0
    skipped: int = 0
    failed: int = 0
    commits_lost: int = 0
    blocked: int = 0
