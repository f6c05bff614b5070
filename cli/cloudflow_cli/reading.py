"""Reads documents of the user's: YAML, HOCON and JSON files become mappings that know their lines.

Called by `application` and the commands. What the content means is not decided here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cloudflow_cli.document import Document, read_text
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.problems import UnknownFormat

YAML: Final = frozenset({".yaml", ".yml"})
# JSON is HOCON too; it is no YAML where it is indented with tabs.
HOCON: Final = frozenset({".conf", ".hocon", ".json"})


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
