"""Code blocks of the project's Markdown pages, so that tests can run what readers will copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from support.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def pages() -> list[Path]:
    """Every Markdown page for readers: those at the root, in `docs` and in `examples`."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])


def code_blocks(page: Path, language: str) -> list[str]:
    """The texts of the fenced blocks of `page` in `language`, in order."""
    blocks = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [block["text"] for block in blocks if block["language"] == language]


def local_links(page: Path) -> list[str]:
    """Targets of links in `page` that are files of the project, without their `#anchor`.

    What stands in backticks is no link, however much it looks like one.
    """
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    targets = (link["target"] for link in _LINK.finditer(text))
    return [target.partition("#")[0] for target in targets if not target.startswith(("http", "#"))]
