"""Golden files: expected outputs that are read in review and rewritten by `make golden`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Golden:
    """The expected outputs in one folder; the fixture `golden` gives the one beside a test."""

    folder: Path
    update: bool

    def check(self, name: str, text: str) -> None:
        """Assert that `text` is the content of the file `name`, or make it so when updating."""
        file = self.folder / name
        if self.update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.is_file(), f"{file} does not exist; `make golden` writes it"
        assert text == file.read_text(encoding="utf-8"), f"{file} differs; see `make golden`"
