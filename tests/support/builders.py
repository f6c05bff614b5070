"""A stand-in for docker: a program that writes down how it is called and answers as docker does."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

IMAGE_ID = "sha256:" + "0123456789ab" + "c" * 52
DIGEST = "sha256:" + "d" * 64

PROGRAM = """\
#!{python}
import json, os, pathlib, subprocess, sys

folder = pathlib.Path({folder!r})
words = sys.argv[1:]
with (folder / "calls").open("a") as calls:
    config = os.environ.get("DOCKER_CONFIG")
    login = config and json.loads(pathlib.Path(config, "config.json").read_text())
    calls.write(json.dumps({{"words": words, "login": login}}) + "\\n")
failing = folder / f"{{words[0]}}-fails"
if failing.exists():
    sys.exit(failing.read_text())
if words[0] == "version":
    print("28.2.2")
elif words[0] == "build":
    pathlib.Path(words[words.index("--iidfile") + 1]).write_text({image_id!r})
    (folder / "context").write_text(words[-1])
elif words[0] == "run":
    other_source = folder / "other-source"
    source = pathlib.Path((folder / "context").read_text(), "source")
    source = other_source if other_source.exists() else source
    report = json.loads(
        subprocess.check_output(
            [sys.executable, "-m", "streamlet_sdk.blueprint", *words[words.index("-m") + 2 :]],
            cwd=source,
        )
    )
    other = folder / "other-report"
    print(json.dumps(report | (json.loads(other.read_text()) if other.exists() else {{}})))
elif words[0] == "push":
    print("0.1.0: digest: {digest} size: 1994")
"""


@dataclass(frozen=True)
class StandInDocker:
    """The program in `folder`; its "image" has the packages of this environment.

    It shows how commands call a builder and what they make of its answers; what an image is like
    is shown by a real builder.
    """

    folder: Path

    def install(self) -> None:
        """Write the program; `folder` has to stand in PATH."""
        self.folder.mkdir()
        program = self.folder / "docker"
        text = PROGRAM.format(
            python=sys.executable, folder=str(self.folder), image_id=IMAGE_ID, digest=DIGEST
        )
        program.write_text(text)
        program.chmod(0o755)

    def fail(self, command: str, sentence: str) -> None:
        """Let `command` end with a sentence and a status that is not 0."""
        (self.folder / f"{command}-fails").write_text(sentence)

    def report(self, **fields: Any) -> None:
        """Let the "image" say something else of itself."""
        (self.folder / "other-report").write_text(json.dumps(fields))

    def source(self, name: str, text: str) -> None:
        """Let the "image" have other code."""
        folder = self.folder / "other-source"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def calls(self) -> list[dict[str, Any]]:
        """Every call: its words, and the settings that it would log in with."""
        file = self.folder / "calls"
        return [*map(json.loads, file.read_text().splitlines())] if file.exists() else []

    def commands(self) -> list[str]:
        """The first word of every call."""
        return [call["words"][0] for call in self.calls()]
