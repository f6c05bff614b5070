"""Reads HOCON, the language of Cloudflow's own blueprints and configuration files.

Called by `reading`. Substitutions take their values from the document, then from the environment;
includes are read beside the file that has them. docs/adr/0007 says why it is this library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import hocon

from cloudflow_cli.document import Document, decoded, plain_number
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.hocon_lines import lines_of
from cloudflow_cli.problems import FileNotReadable
from streamlet_sdk.blueprint.problems.documents import UnreadableDocument

_Error: TypeAlias = hocon.ParseError | hocon.ResolveError | hocon.ConfigError


def read_hocon(path: Path, text: str) -> Document:
    """Read a document in HOCON.

    Raises:
        DocumentError: when it is not HOCON, a substitution has no value or an include no file.
    """
    files = _Files([path])
    try:
        config = hocon.parse(text, base_dir=str(path.parent), read_file=files.read)
        content = _plain(config.get_value(""))
    except (hocon.ParseError, hocon.ResolveError, hocon.ConfigError) as error:
        raise files.error(error) from error
    except RecursionError as error:
        problem = UnreadableDocument(path="", reason="sections are nested too deep")
        raise DocumentError(path, [problem]) from error
    return Document(path=path, content=content, lines=lines_of(text))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one document, in the order in which they were opened."""

    opened: list[Path] = field(default_factory=list)

    def read(self, name: str) -> str:
        path = Path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise  # the library decides whether the include may be missing
        except OSError as error:
            reason = error.strerror or str(error)
            raise DocumentError(path, [FileNotReadable(path="", reason=reason)]) from error
        self.opened.append(path)
        return decoded(path, data)

    def error(self, error: _Error) -> DocumentError:
        # Each file is parsed when it is opened; substitutions come last, of all files together,
        # and then a line could be one of any.
        line: int | None = getattr(error, "line", 0) or None
        if isinstance(error, hocon.ParseError):
            path = self.opened[-1]
        else:
            path = self.opened[0]
            line = line if len(self.opened) == 1 else None
        reason = str(error)
        if isinstance(error, hocon.ConfigError):
            reason = "there is a list at its root, not a section"
        return DocumentError(path, [UnreadableDocument(path="", line=line, reason=reason)])


def _plain(value: hocon.HoconValue | None) -> Any:
    match value:
        case hocon.HoconObject():
            return {key: _plain(item) for key, item in value.fields.items()}
        case hocon.HoconArray():
            return [_plain(item) for item in value.items]
        case hocon.HoconScalar(raw=raw, value_type="number"):
            return _number(raw)
        case hocon.HoconScalar(raw=raw, value_type="boolean"):
            return raw == "true"
        case hocon.HoconScalar(raw=raw, value_type="string"):
            return raw
        case _:
            return None


def _number(raw: str) -> float | str:
    try:
        return plain_number(raw, int(raw))
    except ValueError:
        return plain_number(raw, float(raw))
