"""Runs a builder: builds, looks into an image, tags and pushes. Failures are explained.

Called by `building`. What a builder writes is kept for the explanation, and shown as it comes when
that is wanted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudflow_cli import render
from cloudflow_cli.image import command_lines
from cloudflow_cli.image.builders import Builder
from cloudflow_cli.image.explaining import Step, explained
from cloudflow_cli.image.references import DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT_LINES: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """A builder that works here.

    Attributes:
        builder: which one.
        is_heard: whether what it writes is shown while it works.
    """

    builder: Builder
    is_heard: bool = False

    def build(self, context: Path, *, base: str, variables: Sequence[str] = ()) -> str:
        """The id of the image that is made of `context`, as `sha256:...`.

        Raises:
            ImageError: when it cannot be built; `base` is named when it is the reason.
        """
        with tempfile.TemporaryDirectory(prefix="cloudflow-") as folder:
            id_file = Path(folder, "id")
            words = command_lines.build(self.builder, context, id_file, variables)
            status, output = self._run(words)
            if status != 0:
                raise explained(Step.BUILD, self.builder, output, base)
            text = id_file.read_text("utf-8").strip()
            return text if text.startswith("sha256:") else f"sha256:{text}"

    def report(self, image_id: str, classes: Sequence[str]) -> str:
        """What an image says of the classes in it, as JSON.

        Raises:
            ImageError: when it cannot say anything.
        """
        if self.builder is not Builder.BUILDAH:
            return self._asked(command_lines.report(self.builder, image_id, classes))
        container = self._asked(command_lines.from_image(image_id)).strip()
        try:
            return self._asked(command_lines.report(self.builder, container, classes))
        finally:
            self._run(command_lines.removed(container))

    def tag(self, image_id: str, reference: str) -> None:
        """Name an image.

        Raises:
            ImageError: when it cannot be named so.
        """
        status, output = self._run(command_lines.tag(self.builder, image_id, reference))
        if status != 0:
            raise explained(Step.TAG, self.builder, output, reference)

    def push(self, reference: str, environment: Mapping[str, str]) -> str:
        """The digest by which the registry knows an image that it was given.

        Raises:
            ImageError: when the registry does not take it.
        """
        with tempfile.TemporaryDirectory(prefix="cloudflow-") as folder:
            file = Path(folder, "digest")
            words = command_lines.push(self.builder, reference, file)
            status, output = self._run(words, environment)
            told = file.read_text("utf-8").strip() if file.exists() else ""
        digest = told or command_lines.pushed_digest(output) or ""
        if status != 0 or DIGEST.fullmatch(digest) is None:
            raise explained(Step.PUSH, self.builder, output, reference)
        return digest

    def _asked(self, words: Sequence[str]) -> str:
        """What a command answers on standard output."""
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise explained(Step.REPORT, self.builder, f"{done.stdout}{done.stderr}")
        return done.stdout

    def _run(
        self, words: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and output, of both streams in the order in which it came."""
        lines: deque[str] = deque(maxlen=KEPT_LINES)
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                lines.append(line)
                if self.is_heard:
                    render.note(f"  {line.rstrip()}")
        return process.returncode, "".join(lines)


def is_watched() -> bool:
    """Whether somebody sits at a terminal and may want to see how far it is."""
    return sys.stderr.isatty()
