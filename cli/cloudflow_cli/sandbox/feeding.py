"""Writes a file of records into a topic, each checked against the topic's schema first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.sandbox.documents import Parsed, parsed
from cloudflow_cli.sandbox.envelopes import from_text_or_raw, opened
from cloudflow_cli.sandbox.problems import FailedRecord, UnfitEnvelope, UnfitRecord
from streamlet_sdk.errors import EncodeError
from streamlet_sdk.local.wires import Fed, Feed
from streamlet_sdk.records import key_bytes
from streamlet_sdk.runtime.attempts import Attempt
from streamlet_sdk.serde import InvalidJsonError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from cloudflow_cli.sandbox.request import FeedRequest
    from cloudflow_cli.sandbox.wire import Written
    from streamlet_sdk.problems import Problem
    from streamlet_sdk.runtime.ports import Cluster

# Checking reads a file twice; for larger ones people would wait too long.
CHECKED_BYTES: Final = 8 * 1024 * 1024
PROBLEMS_SHOWN: Final = 50
RECORDS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records that a topic is fed from."""

    request: FeedRequest
    written: Written

    def check(self) -> None:
        """Look at every record before any is written; stdin and large files are left out.

        Raises:
            DocumentError: with the problems of the file, the first of them when there are many.
        """
        path = self.request.path
        if path is None or (path.is_file() and path.stat().st_size > CHECKED_BYTES):
            return
        problems: list[Problem] = []
        for portion in parsed(path):
            for each in portion:
                made = self._record(each)
                problems += made if isinstance(made, list) else []
            if len(problems) >= PROBLEMS_SHOWN:
                break
        if problems:
            raise DocumentError(self.request.name, problems[:PROBLEMS_SHOWN])

    def portions(self) -> Iterator[list[Fed]]:
        """The records, as they can be read.

        Raises:
            DocumentError: at the first record with problems; those before it were given.
        """
        for portion in parsed(self.request.path):
            ready: list[Fed] = []
            for each in portion:
                made = self._record(each)
                if isinstance(made, list):
                    yield ready
                    raise DocumentError(self.request.name, made)
                ready.append(made)
                if len(ready) >= RECORDS_AT_ONCE:
                    yield ready
                    ready = []
            yield ready

    def _record(self, parsed_: Parsed) -> Fed | list[Problem]:
        """The bytes to write, or everything that is wrong with the record."""
        if parsed_.problem is not None:
            return [parsed_.problem]
        line = parsed_.line
        if not self.request.is_enveloped:
            return self._fed(Fed(value=None, timestamp_ms=_now_ms()), parsed_.document, line)
        try:
            envelope = opened(parsed_.document)
        except (TypeError, ValueError) as error:
            return [UnfitEnvelope(path="", line=line, reason=str(error))]
        fed = Fed(
            value=envelope.raw,
            key=envelope.key,
            headers=envelope.headers,
            timestamp_ms=_now_ms() if envelope.timestamp_ms is None else envelope.timestamp_ms,
        )
        is_complete = envelope.raw is not None or envelope.value is None
        return fed if is_complete else self._fed(fed, envelope.value, line)

    def _fed(self, frame: Fed, document: Any, line: int) -> Fed | list[Problem]:
        """`frame` with a value, and with the key that producers give it unless it has one."""
        with Attempt() as attempt:
            value = self._value(document)
            return Fed(
                value=self.written.codec.encode(value),
                key=frame.key if frame.key is not None else self._key(value),
                headers=frame.headers,
                timestamp_ms=frame.timestamp_ms,
            )
        return list(self._problems(attempt.error, line))

    def _value(self, document: Any) -> Any:
        codec = self.written.codec
        if codec.schema.format != "bytes":
            return codec.from_json(document)
        try:
            return from_text_or_raw(document)
        except ValueError as error:
            raise EncodeError(str(error)) from error

    def _key(self, value: Any) -> bytes | None:
        return None if self.written.key is None else key_bytes(self.written.key(value))

    def _problems(self, error: Exception | None, line: int) -> Iterator[Problem]:
        schema = self.written.codec.schema.name
        if isinstance(error, InvalidJsonError):
            for problem in error.problems:
                path, reason = problem.path or "value", problem.sentence.rstrip(".")
                yield UnfitRecord(path=path, line=line, reason=reason, schema=schema)
        elif isinstance(error, EncodeError):
            yield UnfitRecord(path="value", line=line, reason=str(error), schema=schema)
        else:
            named = f"{type(error).__name__}: {error}"
            yield FailedRecord(path="value", line=line, error=named)


async def write(file: RecordFile, cluster: Cluster, topic: str, threads: Executor) -> int:
    """Write all records of a file into the topic of this name on the broker; how many.

    Raises:
        DocumentError: at the first record with problems; those before it are written.
        TransportError: when the broker refuses one.
    """
    feed = Feed(cluster, topic)
    await feed.publish(file.written.codec)
    loop = asyncio.get_running_loop()
    portions = file.portions()
    count = 0
    try:
        # In a thread: reading stdin waits for whoever writes it.
        while (portion := await loop.run_in_executor(threads, _next, portions)) is not None:
            await feed.write(portion)
            count += len(portion)
    finally:
        await feed.close()
    return count


def _next(portions: Iterator[list[Fed]]) -> list[Fed] | None:
    return next(portions, None)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
