"""Finds the line of every key of a HOCON text; the library that reads HOCON does not tell.

Called by `hocon_reader` for texts that the library has read. Knows where keys begin and sections
end, not what values mean: what an `include` or a substitution brings along has no line here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from cloudflow_cli.document import Keys

_TOKEN: Final = re.compile(
    r"""
    (?P<comment>(?:\#|//)[^\n]*)
    |(?P<blank>[^\S\n]+)
    |(?P<string>\"{3}.*?\"{3,}|"(?:\\.|[^"\\\n])*")
    |(?P<reference>\$\{[^}]*\})
    |(?P<end>[\n,])
    |(?P<open>[{\[])
    |(?P<close>[}\]])
    |(?P<is>\+=|[:=])
    |(?P<word>(?:[^\s{}\[\],:=+\#"$/]|/(?!/))+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PART: Final = re.compile(r"""(?P<string>"(?:\\.|[^"\\])*")|(?P<dot>\.)|(?P<word>[^."]+)""")


@dataclass(slots=True)
class _Frame:
    """An object or a list that is open; `key` is the one whose value is being read."""

    keys: Keys
    is_list: bool = False
    key: Keys | None = None
    written: str = ""
    index: int = 0
    line: int = 0


@dataclass(slots=True)
class _Scan:
    lines: dict[Keys, int] = field(default_factory=dict)
    frames: list[_Frame] = field(default_factory=lambda: [_Frame(())])

    def token(self, kind: str, text: str, line: int) -> None:
        frame = self.frames[-1]
        match kind:
            case "open":
                self._open(frame, line, is_list=text == "[")
            case "close":
                # The outermost one stays: a text that is no HOCON may close too often.
                self.frames[1:] = self.frames[1:-1]
            case "end":
                self._end(frame)
            case "is" if frame.written:
                self._key(frame)
            case "is" | "word" | "string" | "reference":
                self._content(frame, text, line)
            case "blank" if frame.written:
                frame.written += text

    def _content(self, frame: _Frame, text: str, line: int) -> None:
        if frame.is_list:
            self._element(frame, line)
        elif frame.key is None:
            frame.line = frame.line if frame.written else line
            frame.written += text

    def _open(self, frame: _Frame, line: int, *, is_list: bool) -> None:
        if frame.is_list:
            self._element(frame, line)
        elif frame.written:
            self._key(frame)
        elif frame.key is None:  # the braces around the whole document
            frame.key = ()
        self.frames.append(_Frame((*frame.keys, *(frame.key or ())), is_list))

    def _key(self, frame: _Frame) -> None:
        frame.key = path(frame.written)
        frame.written = ""
        for length in range(1, len(frame.key)):
            self.lines.setdefault((*frame.keys, *frame.key[:length]), frame.line)
        self.lines[(*frame.keys, *frame.key)] = frame.line

    def _element(self, frame: _Frame, line: int) -> None:
        if frame.key is None:
            frame.key = (frame.index,)
            self.lines[(*frame.keys, frame.index)] = line

    def _end(self, frame: _Frame) -> None:
        if frame.is_list and frame.key is not None:
            frame.index += 1
        frame.key = None
        frame.written = ""


def lines_of(text: str) -> dict[Keys, int]:
    """The line, from 1, of every key and list element in `text`; of keys given twice, the last."""
    scan = _Scan()
    line = 1
    for token in _TOKEN.finditer(text):
        scan.token(token.lastgroup or "word", token[0], line)
        line += token[0].count("\n")
    return scan.lines


def path(written: str) -> Keys:
    """The keys of a path expression: `a."b.c".d` has three."""
    keys: list[str] = [""]
    for part in _PART.finditer(written.strip()):
        if part.lastgroup == "dot":
            keys.append("")
        elif part.lastgroup == "string":
            keys[-1] += re.sub(r"\\(.)", r"\1", part[0][1:-1])
        else:
            keys[-1] += part[0]
    return tuple(keys)
