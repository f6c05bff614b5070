"""Reads documents of the user's: YAML, HOCON and JSON files become mappings that know their lines.

Called by `project` and the commands. What the content means is not decided here. A number that is
not written in its usual form (`1.10`, `007`, `1e3`) is read as the text that it was written as:
it may be the value of a parameter that is a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.problems import (
    FileNotReadable,
    FolderInsteadOfFile,
    MissingFile,
    UnknownFormat,
    WrongEncoding,
)

if TYPE_CHECKING:
    from streamlet_sdk.problems import Problem

Keys: TypeAlias = tuple[str | int, ...]
YAML: Final = frozenset({".yaml", ".yml"})
# JSON is HOCON too; it is no YAML where it is indented with tabs.
HOCON: Final = frozenset({".conf", ".hocon", ".json"})
_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says.

    Attributes:
        content: mappings with texts as keys, lists and scalars; None for an empty file.
        lines: line in the file, from 1, by keys from the root; positions in lists are numbers.
        problems: what can be reported together with the problems of the content.
    """

    path: Path
    content: Any
    lines: Mapping[Keys, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read(path: Path) -> Document:
    """Read a document; the ending of its name says in which language it is.

    Raises:
        DocumentError: when there is no such file, or it is not written in that language.
    """
    suffix = path.suffix.lower()
    if suffix not in YAML | HOCON and not path.is_dir():
        raise DocumentError(path, [UnknownFormat(path="", suffix=suffix)])
    text = read_text(path)
    if suffix in YAML:
        from cloudflow_cli.yaml_reader import read_yaml

        return read_yaml(path, text)
    from cloudflow_cli.hocon_reader import read_hocon

    return read_hocon(path, text)


def read_text(path: Path) -> str:
    """The text in a file of the user's; a byte-order mark is dropped.

    Raises:
        DocumentError: when there is no such file, or it is no UTF-8 text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        siblings = path.parent.iterdir() if path.parent.is_dir() else ()
        known = tuple(sorted(item.name for item in siblings if item.is_file()))
        raise DocumentError(path, [MissingFile(path="", name=path.name, known=known)]) from None
    except IsADirectoryError:
        raise DocumentError(path, [FolderInsteadOfFile(path="")]) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DocumentError(path, [FileNotReadable(path="", reason=reason)]) from error
    return decoded(path, data)


def decoded(path: Path, data: bytes) -> str:
    """`data` as text.

    Raises:
        DocumentError: when it is no UTF-8.
    """
    if data.startswith(_BOMS):
        problem = WrongEncoding(path="", line=1, reason="it begins with the mark of UTF-16")
        raise DocumentError(path, [problem])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{data[error.start]:02x} has no meaning there"
        raise DocumentError(path, [WrongEncoding(path="", line=line, reason=reason)]) from error


def plain_number(text: str, number: float) -> float | str:
    """`number`, or `text` where that says more than the number's usual form."""
    return number if repr(number) == text else text
