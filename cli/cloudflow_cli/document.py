"""What a file of the user's says, and how its text is had.

Called by the readers of each language and by `reading`, which chooses between them.
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
    WrongEncoding,
)

if TYPE_CHECKING:
    from streamlet_sdk.problems import Problem

Keys: TypeAlias = tuple[str | int, ...]
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
    """`number`, or `text` where that says more than the number's usual form.

    `1.10`, `007` and `1e3` may be the value of a parameter that is a text.
    """
    return number if repr(number) == text else text
