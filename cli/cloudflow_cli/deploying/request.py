"""What the words and options of the writing commands ask for. Nothing is looked up here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudflow_cli import reading, render, words
from cloudflow_cli.deploying.overlay import Claim
from cloudflow_cli.deploying.source import Asked
from cloudflow_cli.errors import DocumentError, UsageError
from streamlet_sdk.blueprint.layers import COMMAND_LINE, Layer
from streamlet_sdk.parameters import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta
    from pathlib import Path

    from cloudflow_cli.deploying.arguments import Given
    from cloudflow_cli.deploying.source import Source
    from cloudflow_cli.options import Common


def asked(given: Given) -> tuple[Path, Asked]:
    """What is deployed, and all that is set on top of it.

    Raises:
        DocumentError: when a file cannot be read.
        UsageError: when a word is not of its form.
    """
    place, pairs = words.place_and_words(given.words or ())
    return place, Asked(
        layers=layers(given.conf or (), pairs, given.scale or ()),
        claims=claims(given.volume_mount or ()),
        image=given.image,
        service_account=given.service_account,
    )


def placed(common: Common, source: Source) -> Common:
    """The common options, with the namespace that a resource names.

    Raises:
        UsageError: when the command line names another one.
    """
    if source.namespace is None:
        return common
    if common.namespace not in {None, source.namespace}:
        raise UsageError(
            f"-n says {common.namespace!r}, and the resource is for namespace "
            f"{source.namespace!r}.",
            hint="Leave one of the two out.",
        )
    return replace(common, namespace=source.namespace)


def layers(files: Iterable[Path], given: Iterable[str], scale: Iterable[str] = ()) -> list[Layer]:
    """Documents, then words, then counts, of which the last wins.

    Raises:
        DocumentError: when a file cannot be read.
        UsageError: when a word is not of its form.
    """
    found = [_layer(file) for file in files]
    found.append(Layer(COMMAND_LINE, words.document(given) or None))
    counts = words.counts(scale)
    streamlets = {name: {"replicas": count} for name, count in counts.items()}
    if streamlets:
        found.append(Layer(COMMAND_LINE, {"cloudflow": {"streamlets": streamlets}}))
    return found


def claims(given: Iterable[str]) -> list[Claim]:
    """The claims of `STREAMLET.MOUNT=CLAIM` words.

    Raises:
        UsageError: when a word is not of this form.
    """
    found = []
    for word in given:
        place, _, claim = word.partition("=")
        streamlet, _, mount = place.partition(".")
        if not (streamlet and mount and claim):
            raise UsageError(f"--volume-mount {word!r} is not STREAMLET.MOUNT=CLAIM.")
        found.append(Claim(streamlet, mount, claim))
    return found


def timeout(text: str) -> timedelta:
    """How long to wait.

    Raises:
        UsageError: when it is no time.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None


def _layer(file: Path) -> Layer:
    document = reading.read(file)
    if document.problems:
        raise DocumentError(file, document.problems)
    return Layer(render.short(file), document.content, document.lines)
