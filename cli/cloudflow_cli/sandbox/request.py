"""What the command line asks of the sandbox, read from its words. Nothing is looked up here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from cloudflow_cli import words
from cloudflow_cli.errors import UsageError
from cloudflow_cli.options import Output
from streamlet_sdk.parameters import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

IDLE: Final = "idle"
Until: TypeAlias = "timedelta | Literal['idle'] | None"
HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """A file to write into a topic.

    Attributes:
        path: None for stdin.
        is_enveloped: whether a line has key, headers and timestamp beside the value.
    """

    topic: str
    path: Path | None
    is_enveloped: bool

    @property
    def name(self) -> Path:
        """What people call it."""
        return self.path or Path("stdin")


@dataclass(frozen=True, slots=True)
class TapRequest:
    """A topic whose records are written to a file; `path` is None for stdout."""

    topic: str
    path: Path | None

    @property
    def name(self) -> Path:
        """What people call it."""
        return self.path or Path("stdout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that was asked for.

    Attributes:
        where: a folder of the project, or a blueprint.
        config: files, the last one winning.
        settings: of the words and flags, as one document that wins over all files.
        only: the streamlets to run; all of them when empty.
        until: when to stop by itself.
        timeout: when to give up waiting for `until`.
        kafka: `host:port` of a real Kafka instead of the embedded broker.
        port_base: the first server's port; 0 takes free ones.
    """

    where: Path
    namespace: str
    config: Sequence[Path]
    settings: dict[str, Any]
    feeds: Sequence[FeedRequest]
    taps: Sequence[TapRequest]
    is_tap_enveloped: bool
    only: Sequence[str]
    until: Until
    timeout: timedelta | None
    kafka: str | None
    port_base: int


def settings(
    given: Iterable[str],
    *,
    replicas: Iterable[str],
    partitions: Iterable[str],
    mounts: Iterable[str],
) -> dict[str, Any]:
    """What words and flags set, under the keys of a configuration.

    Raises:
        UsageError: when one is not of its form.
    """
    document = words.document(given)
    for text in replicas:
        streamlet, number = _pair(text, "--replicas", "STREAMLET=NUMBER")
        _put(document, ("streamlets", streamlet, "replicas"), number, text)
    for text in partitions:
        topic, number = _pair(text, "--partitions", "TOPIC=NUMBER")
        _put(document, ("topics", topic, "partitions"), number, text)
    for text in mounts:
        mount, folder = _pair(text, "--volume-mount", "STREAMLET.MOUNT=FOLDER")
        streamlet, dot, name = mount.partition(".")
        if not dot:
            raise _malformed(text, "--volume-mount", "STREAMLET.MOUNT=FOLDER")
        path = str(Path(folder).expanduser().absolute())
        _put(document, ("streamlets", streamlet, "volume-mounts", name), path, text)
    return document


def feeds(given: Iterable[str]) -> list[FeedRequest]:
    """What `--feed` asks for.

    Raises:
        UsageError: when one is not `TOPIC=FILE`, or two want stdin.
    """
    found: list[FeedRequest] = []
    for text in given:
        topic, file = _pair(text, "--feed", "TOPIC=FILE or TOPIC=@FILE")
        is_enveloped, name = file.startswith("@"), file.removeprefix("@")
        if not name:
            raise _malformed(text, "--feed", "TOPIC=FILE or TOPIC=@FILE")
        found.append(FeedRequest(topic, None if name == "-" else Path(name), is_enveloped))
    if sum(feed.path is None for feed in found) > 1:
        raise UsageError("Two feeds cannot both read stdin.", hint="Give one of them a file.")
    return found


def taps(given: Iterable[str], fed: Iterable[FeedRequest] = ()) -> list[TapRequest]:
    """What `--tap` asks for.

    Raises:
        UsageError: when one is not `TOPIC` or `TOPIC=FILE`, or wants the file of another one or of
            a feed.
    """
    found: list[TapRequest] = []
    for text in given:
        topic, equals, file = text.partition("=")
        if not topic or (equals and not file):
            raise _malformed(text, "--tap", "TOPIC or TOPIC=FILE")
        found.append(TapRequest(topic, Path(file) if file not in ("", "-") else None))
    taken = {feed.path.resolve() for feed in fed if feed.path is not None}
    for tap in found:
        if tap.path is None:
            continue
        if tap.path.resolve() in taken:
            raise UsageError(
                f"{tap.path} is the file of another tap, or of a feed.",
                hint="Give each its own file.",
            )
        taken.add(tap.path.resolve())
    return found


def require_own_stdout(taps: Iterable[TapRequest], output: Output) -> None:
    """Let records and a summary for scripts not be mixed on stdout.

    Raises:
        UsageError: when both are to be written there.
    """
    if output is not Output.TABLE and any(tap.path is None for tap in taps):
        raise UsageError(
            f"-o {output} writes the summary to stdout, where --tap would write records too.",
            hint="Tap into a file: --tap TOPIC=FILE.",
        )


def names(text: str | None) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def timeout(text: str | None, until_text: str | None) -> timedelta | None:
    """The time that `--timeout` gives.

    Raises:
        UsageError: when it is none, or there is nothing that takes so long.
    """
    if text is not None and until_text != IDLE:
        raise UsageError(
            "--timeout bounds `--until idle`, which was not given.",
            hint="To stop after a time, use --until TIME.",
        )
    return _duration(text, "--timeout", "a time such as 30s")


def until(text: str | None) -> Until:
    """When `--until` says to stop.

    Raises:
        UsageError: when it is neither `idle` nor a duration.
    """
    return IDLE if text == IDLE else _duration(text, "--until", f"{IDLE}, or a time such as 30s")


def _duration(text: str | None, flag: str, form: str) -> timedelta | None:
    if text is None:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text}: {error}.", hint=f"Give {form}.") from error
    if not found:
        raise UsageError(f"{flag} {text} is no time at all.", hint=f"Give {form}.")
    return found


def kafka(text: str | None) -> str | None:
    """What `--kafka` asks for.

    Raises:
        UsageError: when it is not `HOST:PORT`, or several of them with commas between.
    """
    for server in (text or "").split(","):
        host, colon, number = server.strip().rpartition(":")
        if text is not None and not (host and colon and number.isdecimal()):
            raise _malformed(text, "--kafka", "HOST:PORT")
    return text


def port(number: int) -> int:
    """The number of a port, or 0.

    Raises:
        UsageError: when there is no such port.
    """
    if not 0 <= number <= HIGHEST_PORT:
        raise UsageError(
            f"--port-base {number} is no port.",
            hint=f"Give a number up to {HIGHEST_PORT}; 0 takes ports that are free.",
        )
    return number


def _pair(text: str, flag: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise _malformed(text, flag, form)
    return name, value


def _malformed(text: str, flag: str, form: str) -> UsageError:
    return UsageError(f"{flag} {text}: this is not {form}.")


def _put(document: dict[str, Any], keys: tuple[str, ...], value: str, text: str) -> None:
    section = document.setdefault("cloudflow", {})
    for key in keys[:-1]:
        section = section.setdefault(key, {}) if isinstance(section, dict) else None
    if not isinstance(section, dict):
        raise UsageError(f"{text!r} is at odds with another word of the command line.")
    section[keys[-1]] = value
