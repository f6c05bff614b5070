"""A text that is shown again and again in the same place of a terminal.

Called by commands with `--watch`. Nothing is cleared before it is written over: nothing flickers.
"""

from __future__ import annotations

import shutil
import sys
from typing import Final

_HOME: Final = "\x1b[H"
_END_OF_LINE: Final = "\x1b[K"
_END_OF_SCREEN: Final = "\x1b[J"
_CLEAR: Final = "\x1b[2J"


def frame(text: str, width: int, height: int) -> str:
    """What shows the beginning of `text`, as much as there is room for, from the upper left on."""
    lines = text.splitlines()
    if len(lines) >= height:
        hidden = len(lines) - (height - 2)
        lines = [*lines[: height - 2], f"… {hidden} more lines"]
    shown = "".join(f"{line[:width]}{_END_OF_LINE}\n" for line in lines)
    return f"{_HOME}{shown}{_END_OF_SCREEN}"


class Screen:
    """Stdout while something is watched: a terminal is written over, a file grows."""

    def __init__(self) -> None:
        self._facts: object = None

    def show(self, text: str, facts: object) -> None:
        """Show `text`; where it cannot be written over, only if `facts` are not the last ones."""
        out, first = sys.stdout, self._facts is None
        if out.isatty():
            size = shutil.get_terminal_size()
            out.write((_CLEAR if first else "") + frame(text, size.columns, size.lines))
        elif facts != self._facts:
            out.write(text if first else f"\n{text}")
        self._facts = facts
        out.flush()
