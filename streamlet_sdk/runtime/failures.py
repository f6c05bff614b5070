"""What becomes of a record that failed: try again, dead-letter, skip or stop."""

from __future__ import annotations

import logging
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from streamlet_sdk.errors import DeliveryError, EncodeError, RejectedError, SerdeError
from streamlet_sdk.records import Reject
from streamlet_sdk.runtime.handling import OutcomeError
from streamlet_sdk.runtime.outbox import Entry

if TYPE_CHECKING:
    from streamlet_sdk.delivery import Delivery
    from streamlet_sdk.runtime.counters import InletCounters
    from streamlet_sdk.runtime.emitting import OutletWriter
    from streamlet_sdk.runtime.offsets import Unit
    from streamlet_sdk.runtime.transport import RawRecord

logger = logging.getLogger(__name__)

Reason = Literal["decode", "reject", "encode", "handler", "write"]
# Headers must fit a broker's record limit beside the value; the end of a stack says most.
STACK_BYTES = 8 * 1024
MESSAGE_BYTES = 1024
STACK = "cloudflow-stack"
_NOT_THE_USERS = {__name__.partition(".")[0], *sys.stdlib_module_names}


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRecord:
    """An input record, where it was, and why it is given up."""

    record: RawRecord
    topic: str
    partition: int
    error: Exception
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The delivery policy of one inlet at work.

    Attributes:
        dead_letters: writes to the inlet's dead-letter port; None when it has none.
    """

    delivery: Delivery
    application: str
    streamlet: str
    inlet: str
    counters: InletCounters
    dead_letters: OutletWriter | None

    def retries(self, error: Exception, attempt: int) -> bool:
        """Whether to try again after try number `attempt` failed with `error`."""
        final = isinstance(error, (Reject, EncodeError, SerdeError, OutcomeError, RejectedError))
        return not final and attempt < self.delivery.retry.attempts

    def give_up(self, failed: FailedRecord, unit: Unit) -> None:
        """Apply `on_exhausted`; a dead letter becomes an emission of `unit`.

        Raises:
            DeliveryError: when the policy is to stop.
        """
        where = f"{failed.topic}/{failed.partition}@{failed.record.offset}"
        choice = self.delivery.on_exhausted
        if choice == "stop":
            raise DeliveryError(
                f"{self.streamlet}.{self.inlet}: record {where} failed after {failed.attempts} "
                f"tries and the policy is to stop: {_named(failed.error)}",
                hint="repair the cause, or set on_exhausted to dead-letter or skip",
            ) from failed.error
        if choice == "skip" or self.dead_letters is None:
            self.counters.skipped += 1
            logger.warning("Skipped record %s: %s", where, _named(failed.error))
            return
        self.counters.dead_lettered += 1
        logger.warning("Dead-lettered record %s: %s", where, _named(failed.error))
        self.dead_letters.put_entry(self._entry(failed, unit))

    def _entry(self, failed: FailedRecord, unit: Unit) -> Entry:
        record = failed.record
        return Entry(
            record.key,
            record.value,
            record.timestamp,
            (*record.headers, *self._headers(failed)),
            unit,
            record,
            dead_letter=True,
        )

    def _headers(self, failed: FailedRecord) -> list[tuple[str, bytes]]:
        record = failed.record
        stack = "".join(traceback.format_exception(failed.error)).encode()
        texts = {
            "reason": reason(failed.error),
            "exception-type": f"{type(failed.error).__module__}.{type(failed.error).__qualname__}",
            "message": _short(str(failed.error)),
            "streamlet": self.streamlet,
            "inlet": self.inlet,
            "attempts": str(failed.attempts),
            "original-topic": failed.topic,
            "original-partition": str(failed.partition),
            "original-offset": str(record.offset),
            "original-timestamp": str(record.timestamp),
            "application": self.application,
        }
        pairs = [(f"cloudflow-{name}", text.encode()) for name, text in texts.items()]
        return [*pairs, (STACK, stack[-STACK_BYTES:])]

    def shortened(self, entry: Entry) -> Entry:
        """A dead letter that was too large: without value and stack, with the value's size."""
        size = str(len(entry.value or b"")).encode()
        kept = [header for header in entry.headers if header[0] != STACK]
        headers = (*kept, ("cloudflow-omitted-value-bytes", size))
        return entry._replace(value=None, headers=headers)


def reason(error: Exception) -> Reason:
    """The word for why a record failed."""
    if isinstance(error, Reject):
        return "reject"
    if isinstance(error, (EncodeError, OutcomeError)):
        return "encode"
    if isinstance(error, SerdeError):
        return "decode"
    return "write" if isinstance(error, RejectedError) else "handler"


def _named(error: Exception) -> str:
    """What was raised and where, for a log."""
    place = raised_at(error) if reason(error) in {"handler", "reject"} else None
    where = f" ({place})" if place is not None else ""
    return f"{type(error).__name__}: {_short(str(error))}{where}"


def raised_at(error: BaseException) -> str | None:
    """File and line of the user's code that raised it, or called what did; None without any.

    The process of a pod asks too, when user code has ended it.
    """
    trace = error.__traceback__ or (error.__cause__ and error.__cause__.__traceback__)
    own: str | None = None
    found: str | None = None
    for frame, line in traceback.walk_tb(trace or None):
        module: str = frame.f_globals.get("__name__", "")
        package = module.partition(".")[0]
        # The user's package is the first that the engine called.
        if own is None and package not in _NOT_THE_USERS:
            own = package
        if package == own:
            found = f"{_short_file(frame.f_code.co_filename, module)}:{line}"
    return found


def _short_file(name: str, module: str) -> str:
    """The end of a file's name that says its module: `sensor_data/checks.py`."""
    file = Path(name)
    return "/".join(file.parts[-1 - module.count(".") - (file.stem == "__init__") :])


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_BYTES else f"{text[:MESSAGE_BYTES]}…"
