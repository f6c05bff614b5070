"""The streamlets as they are in an image, which may have other packages than this machine.

Called by `building` in place of the description of local classes, so that what was verified is
what runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloudflow_cli import VERSION
from cloudflow_cli.image.errors import ImageError
from streamlet_sdk.blueprint.descriptor import Descriptor
from streamlet_sdk.blueprint.problems.registry import from_entry
from streamlet_sdk.contract import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streamlet_sdk.problems import Problem


@dataclass(slots=True)
class Inside:
    """Describes classes by asking an image.

    Attributes:
        ask: from names of classes to the image's report.
        sdk: the version of the SDK in it, once it was asked.
        python: the version of its Python, once it was asked.
    """

    ask: Callable[[Sequence[str]], str]
    sdk: str = field(default="", init=False)
    python: str = field(default="", init=False)

    def describe(
        self, names: Iterable[str], source: Path
    ) -> tuple[dict[str, Descriptor], tuple[Problem, ...]]:
        """As `streamlet_sdk.blueprint.describe.describe_classes`; the image knows its `source`.

        Raises:
            ImageError: when the image does not answer, or its SDK is not one of this contract.
        """
        del source
        wanted = list(names)
        report = _parsed(self.ask(wanted))
        self.sdk, self.python = report["sdk"], report["python"]
        if report["contract"] != CONTRACT:
            raise ImageError(
                f"The SDK in the image, {self.sdk}, has contract {report['contract']}; "
                f"this command line, {VERSION}, has {CONTRACT}.",
                hint="Build with the command line of the SDK's version, or lock the other SDK.",
            )
        return _descriptors(report["descriptors"]), tuple(map(from_entry, report["problems"]))


def differing(here: Mapping[str, Descriptor], there: Mapping[str, Descriptor]) -> tuple[str, ...]:
    """The streamlets whose descriptors differ, in their order."""
    return tuple(name for name, one in there.items() if here.get(name) != one)


def _parsed(text: str) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _strange(text) from error
    return report


def _descriptors(entries: Mapping[str, Any]) -> dict[str, Descriptor]:
    try:
        return {name: Descriptor.model_validate(entry) for name, entry in entries.items()}
    except ValidationError as error:
        raise _strange(str(error)) from error


def _strange(text: str) -> ImageError:
    return ImageError(
        f"The SDK in the image describes streamlets in a way that is not known here: {text[:500]}",
        hint=f"Install the SDK of this command line's version, {VERSION}, in the image.",
    )
