from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.reading import read

if TYPE_CHECKING:
    from pathlib import Path


def problem(path: Path) -> tuple[str, int | None]:
    with pytest.raises(DocumentError) as caught:
        read(path)
    assert caught.value.path == path
    [found] = caught.value.problems
    return type(found).__name__, found.line


@pytest.mark.parametrize("name", ["a.yaml", "a.YML", "a.json", "a.conf"])
def test_the_ending_says_the_language(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"a": {"b.c": [1, true]}}')
    assert read(tmp_path / name).content == {"a": {"b.c": [1, True]}}


def test_json_with_tabs_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n\t"a": 1\n}')
    assert read(tmp_path / "a.json").content == {"a": 1}


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(tmp_path / "a.yaml").content == {"a": 1}


@pytest.mark.parametrize(
    ("data", "line"), [(b"a: 1\nb: \xff\n", 2), (b"\xff\xfea\x00:\x00", 1), (b"a: \xe9", 1)]
)
def test_another_encoding_is_a_problem(tmp_path: Path, data: bytes, line: int) -> None:
    (tmp_path / "a.yaml").write_bytes(data)
    assert problem(tmp_path / "a.yaml") == ("WrongEncoding", line)


def test_a_missing_file_is_a_problem_that_names_a_similar_one(tmp_path: Path) -> None:
    (tmp_path / "local.yaml").touch()
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "locl.yaml")
    assert caught.value.problems[0].suggestion == "local.yaml"


def test_a_folder_and_an_unknown_ending_are_problems(tmp_path: Path) -> None:
    assert problem(tmp_path) == ("FolderInsteadOfFile", None)
    assert problem(tmp_path / "a.txt") == ("UnknownFormat", None)


def test_a_file_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert problem(tmp_path / "a" / "b.yaml") == ("FileNotReadable", None)
