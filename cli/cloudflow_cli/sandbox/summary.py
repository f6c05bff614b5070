"""What is said at the end: what each streamlet has done, and how many records each topic has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_cli import render
from cloudflow_cli.sandbox.status import COUNTED
from cloudflow_cli.sandbox.stop import Why

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudflow_cli.sandbox.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a run ended.

    Attributes:
        topics: how many records each has, by topic.
        implicit: those of the topics that the platform made; people see them when they hold some.
        unfinished: what was not processed, for people.
    """

    why: Why
    seconds: float
    streamlets: Sequence[Status]
    topics: Mapping[str, int]
    implicit: Collection[str] = ()
    unfinished: Sequence[str] = ()

    @property
    def has_failed(self) -> bool:
        """Whether anything failed at any time."""
        return self.why.is_failure or any(self._failures(one) for one in self.streamlets)

    def data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "streamlets": {one.streamlet: one.data() for one in self.streamlets},
            "topics": dict(self.topics),
            "seconds": round(self.seconds, 3),
        }

    def text(self) -> str:
        """For people."""
        header = ["streamlet", *(shown for _, shown, _ in COUNTED)]
        rows = [[one.streamlet, *map(str, one.counts)] for one in self.streamlets]
        topics = [
            [topic, str(records)]
            for topic, records in self.topics.items()
            if records or topic not in self.implicit
        ]
        failed = [one.streamlet for one in self.streamlets if self._failures(one)]
        sentences = [f"{self.why.value}. It ran for {self.seconds:.1f} s."]
        sentences += [f"Not finished: {one}." for one in self.unfinished]
        sentences += [f"Failed: {', '.join(failed)}; see the log above."] if failed else []
        return "\n".join(
            [
                render.table(header, rows),
                render.table(["topic", "records"], topics),
                *sentences,
            ]
        )

    @staticmethod
    def _failures(status: Status) -> int:
        return status.data()["failed"]
