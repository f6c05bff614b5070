from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.sandbox import documents

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.text(), VALUES, max_size=3)


def read(text: str, folder: Path) -> list[tuple[int, Any]]:
    file = folder / "file"
    file.write_text(text, encoding="utf-8", newline="")
    found = [each for portion in documents.parsed(file) for each in portion]
    assert [each.problem for each in found] == [None] * len(found)
    return [(each.line, each.document) for each in found]


@given(
    records=st.lists(RECORDS, max_size=5),
    is_ascii=st.booleans(),
    end=st.sampled_from(["", "\n", "\r\n"]),
)
def test_lines_are_read_whatever_is_in_them(
    *, records: list[Any], is_ascii: bool, end: str
) -> None:
    text = (end or "\n").join(json.dumps(one, ensure_ascii=is_ascii) for one in records) + end
    with TemporaryDirectory() as folder:
        expected = list(enumerate(records, 1))
        assert _encodable(text) is False or read(text, Path(folder)) == expected


@given(records=st.lists(VALUES, max_size=5), indent=st.sampled_from([None, 0, 2]))
def test_arrays_are_read_whatever_is_in_them(records: list[Any], indent: int | None) -> None:
    with TemporaryDirectory() as folder:
        found = read(json.dumps(records, indent=indent), Path(folder))
    assert [document for _, document in found] == records


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def test_records_know_the_line_they_begin_on(tmp_path: Path) -> None:
    assert read('{"a": 1}\n\n{"b": 2}', tmp_path) == [(1, {"a": 1}), (3, {"b": 2})]
    assert read('[\n  {"a":\n 1},\n\n  {"b": 2}]', tmp_path) == [(2, {"a": 1}), (5, {"b": 2})]


def test_lines_that_are_arrays_are_records(tmp_path: Path) -> None:
    assert read("[1, 2]\n[3]\n", tmp_path) == [(1, [1, 2]), (2, [3])]


def test_a_line_longer_than_a_block_is_one_record(tmp_path: Path) -> None:
    long = "x" * (3 * documents.BLOCK_BYTES)
    assert read(f'{{"a": "{long}"}}\n{{"b": 2}}\n', tmp_path) == [(1, {"a": long}), (2, {"b": 2})]


def test_a_deeply_nested_line_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text('{"a": 1}\n' + '{"a":' * 100_000)
    *_, last = [each for portion in documents.parsed(file) for each in portion]
    assert last.line == 2
    assert last.problem is not None


def test_a_file_that_is_not_there_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no file none"):
        list(documents.parsed(tmp_path / "none"))
