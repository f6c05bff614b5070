"""What happens to a record that fails: the delivery policy of an inlet, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Guarantee = Literal["at-least-once", "at-most-once", "exactly-once"]
OnExhausted = Literal["dead-letter", "skip", "stop"]


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how fast a failed handler is tried again.

    Attributes:
        attempts: tries in all, the first included; at least 1.
        backoff: wait before the second try; doubled for each further one.
        max_backoff: the longest wait; never less than `backoff`.
        jitter: part of each wait that is random, 0 to 1.
    """

    attempts: int = 3
    backoff: timedelta = timedelta(milliseconds=200)
    max_backoff: timedelta = timedelta(seconds=10)
    jitter: float = 0.2

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ValueError: when a value is out of its range.
        """
        if self.attempts < 1:
            raise ValueError(f"retry attempts must be at least 1, not {self.attempts}")
        if self.backoff < timedelta(0) or self.max_backoff < timedelta(0):
            raise ValueError("retry back-off must not be negative")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"retry jitter must be between 0 and 1, not {self.jitter}")

    def wait(self, attempt: int, chance: float) -> timedelta:
        """How long to wait after try number `attempt` failed; `chance` is random in [0, 1)."""
        doubled = self.backoff * (1 << min(attempt - 1, 32))
        longest = min(doubled, max(self.max_backoff, self.backoff))
        return longest * (1 - self.jitter * chance)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery policy of an inlet.

    Attributes:
        guarantee: at-least-once repeats what was not committed; at-most-once commits first;
            exactly-once (Kafka to Kafka) writes outputs and offset in one transaction.
        retry: applied to a handler that raises.
        on_exhausted: what happens to a record that failed every try: `dead-letter` writes it to
            the port `<inlet>-dead-letters`, `skip` counts and drops it, `stop` fails the streamlet.
    """

    guarantee: Guarantee = "at-least-once"
    retry: Retry = Retry()
    on_exhausted: OnExhausted = "dead-letter"
