"""The log of a pod: lines of text for people, or one JSON object a line for log collectors."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

Format = Literal["json", "text"]
FORMATS: Final = ("json", "text")
LEVELS: Final = ("debug", "info", "warning", "error")

# Kafka clients tell at these levels what the engine says better, and once.
_QUIET: Final = {"aiokafka": logging.CRITICAL, "uvicorn": logging.WARNING}
_PLAIN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def configure(form: Format, level: str, labels: Mapping[str, str]) -> None:
    """Write the log of this process to stderr; `labels` stand in every JSON line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(labels) if form == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLogger().level))


class JsonFormatter(logging.Formatter):
    """One JSON object: time (RFC 3339), level, logger, message, labels, exception, and extras."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        """Every line carries `labels`."""
        super().__init__()
        self._labels = dict(labels)

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._labels,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        # What user code passed as `extra`; it may not replace what stands here already.
        line |= {k: v for k, v in record.__dict__.items() if k not in _PLAIN and k not in line}
        try:
            return json.dumps(line, default=str, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            # A key that is no text, a circle, or a number that JSON has no word for.
            plain = {k: v if isinstance(v, str) else repr(v) for k, v in line.items()}
            return json.dumps(plain, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Time, level, logger and message."""

    def __init__(self) -> None:
        """The same for every process."""
        super().__init__("%(asctime)s %(levelname)-8s %(name)s: %(message)s")

    @override
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _time(record)


def _time(record: logging.LogRecord) -> str:
    made = datetime.fromtimestamp(record.created, tz=UTC)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")
