from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.hocon_lines import lines_of as hocon_lines_of
from cloudflow_cli.hocon_reader import read_hocon
from cloudflow_cli.toml_lines import lines_of as toml_lines_of
from cloudflow_cli.yaml_reader import read_yaml

HERE = Path("document")
PLAIN = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=" .-_:#{}"))
SCALARS = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | PLAIN
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(PLAIN, VALUES, max_size=5)


@given(DOCUMENTS)
def test_yaml_that_was_written_is_read_back(content: dict[str, Any]) -> None:
    assert read_yaml(HERE, yaml.safe_dump(content, sort_keys=False)).content == content


@given(DOCUMENTS)
def test_json_that_was_written_is_read_back_as_hocon(content: dict[str, Any]) -> None:
    assert read_hocon(HERE, json.dumps(content, indent=1)).content == content


@given(DOCUMENTS)
def test_hocon_and_yaml_agree_on_the_lines_of_one_document(content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2)
    assert hocon_lines_of(text) == read_yaml(HERE, text).lines


FRAGMENTS = st.sampled_from(
    [
        *("a", "b.c", '"d e"', ":", "=", "+=", "{", "}", "[", "]", ",", "\n", " ", "\t"),
        *("${a}", "${?b}", '"""', '"', "'", "#", "//", "include ", "- ", "&x ", "*x", "<<: "),
        *("!!int ", "1", "|", "\\", "---\n", "\x00", "\ud7ff", "\r"),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=30).map("".join)


@given(TEXTS)
def test_whatever_is_written_yaml_is_read_or_has_problems(text: str) -> None:
    with contextlib.suppress(DocumentError):
        read_yaml(HERE, text)


@given(TEXTS)
def test_whatever_is_written_hocon_is_read_or_has_problems(text: str) -> None:
    with contextlib.suppress(DocumentError):
        read_hocon(HERE, text)


@given(TEXTS)
def test_lines_are_found_in_any_text_and_are_lines_of_it(text: str) -> None:
    most = text.count("\n") + 1
    assert all(1 <= line <= most for line in hocon_lines_of(text).values())
    most = len(text.splitlines())
    assert all(1 <= line <= most for line in toml_lines_of(text).values())
