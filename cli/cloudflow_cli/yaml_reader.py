"""Reads YAML with the line of every key, and reports keys that are given twice.

Called by `reading`. Of YAML it takes mappings, lists, texts, numbers, booleans, null, anchors and
merge keys. Only `true` and `false` are booleans, as in YAML 1.2, keys are always texts, and there
are no dates and no numbers to the base of 60: `on`, `no` and `12:30` stay what was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from cloudflow_cli.document import Document, Keys, plain_number
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.problems import TabInYaml, UnsupportedYaml
from streamlet_sdk.blueprint.problems.documents import DuplicateKey, UnreadableDocument
from streamlet_sdk.blueprint.reading import dotted

if TYPE_CHECKING:
    from streamlet_sdk.problems import Problem

# The loader in C is ten times as fast; PyYAML built from source may lack it.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"
# More than any document that a person wrote, less than aliases of aliases make of a few lines.
_MOST_NODES: Final = 500_000
_DEEPEST: Final = 100
_FLOAT: Final = r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"


class _Loader(_LOADER):  # type: ignore[misc] # either loader
    """Knows no type but those of JSON."""

    yaml_implicit_resolvers: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), list(_first))


def read_yaml(path: Path, text: str) -> Document:
    """Read the one document in `text`.

    Raises:
        DocumentError: when it is not YAML, or uses what a document of Cloudflow cannot mean.
    """
    walk = _Walk()
    try:
        content = walk.value(_node(text), ())
    except yaml.MarkedYAMLError as error:
        raise DocumentError(path, [_syntax(error, text)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = UnreadableDocument(path="", line=line, reason=str(error.reason))
        raise DocumentError(path, [problem]) from error
    except RecursionError as error:
        problem = UnreadableDocument(path="", reason="sections are nested too deep")
        raise DocumentError(path, [problem]) from error
    except _UnsupportedError as error:
        raise DocumentError(path, [error.problem]) from error
    return Document(path=path, content=content, lines=walk.lines, problems=tuple(walk.problems))


def _node(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else None
    written = text.splitlines()[line - 1 : line] if line is not None else []
    if written and re.match(r" *\t", written[0]):
        return TabInYaml(path="", line=line)
    reason = ", ".join(str(part) for part in (error.context, error.problem) if part)
    return UnreadableDocument(path="", line=line, reason=reason)


class _UnsupportedError(Exception):
    def __init__(self, keys: Keys, node: yaml.Node, what: str) -> None:
        line = node.start_mark.line + 1
        self.problem = UnsupportedYaml(path=dotted(keys), line=line, what=what)
        super().__init__(what)


@dataclass(slots=True)
class _Walk:
    """Makes values of nodes, and remembers where they were."""

    lines: dict[Keys, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def value(self, node: yaml.Node | None, keys: Keys) -> Any:
        if node is None:
            return None
        self._count(node)
        if len(keys) > _DEEPEST:
            raise _UnsupportedError(keys[:3], node, f"sections are nested over {_DEEPEST} deep")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, keys)
        return _scalar(node, keys)

    def _count(self, node: yaml.Node) -> None:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise _UnsupportedError((), node, "the document grows without end by its aliases")

    def _sequence(self, node: yaml.SequenceNode, keys: Keys) -> list[Any]:
        _only(node, keys, "seq")
        values = []
        for number, item in enumerate(node.value):
            here = (*keys, number)
            self.lines[here] = item.start_mark.line + 1
            values.append(self.value(item, here))
        return values

    def _mapping(self, node: yaml.MappingNode, keys: Keys) -> dict[str, Any]:
        _only(node, keys, "map")
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _UnsupportedError(keys, key_node, "a key is a section or a list")
            key: str = key_node.value
            if key == "<<" and not key_node.style:
                merged = self._merged(value_node, keys) | merged
                continue
            here = (*keys, key)
            line = key_node.start_mark.line + 1
            if key in own:
                self.problems.append(DuplicateKey(path=dotted(here), line=line, key=key))
            self.lines[here] = line
            own[key] = self.value(value_node, here)
        return merged | own

    def _merged(self, node: yaml.Node, keys: Keys) -> dict[str, Any]:
        self._count(node)
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise _UnsupportedError(keys, source, "`<<` merges something that is no section")
            merged = self._mapping(source, keys) | merged
        return merged


def _only(node: yaml.Node, keys: Keys, kind: str) -> None:
    if node.tag != _TAG + kind:
        raise _UnsupportedError(keys, node, f"the tag {_tag(node)} has no meaning")


def _tag(node: yaml.Node) -> str:
    return str(node.tag).replace(_TAG, "!!")


def _scalar(node: yaml.Node, keys: Keys) -> Any:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if re.fullmatch(r"[-+]?[0-9]{1,4000}", text):
            return plain_number(text, int(text))
        case "float" if re.fullmatch(_FLOAT, text):
            return plain_number(text, float(text))
        case _:
            raise _UnsupportedError(keys, node, f"{_tag(node)} {text!r:.80} has no meaning")
