from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.hocon_lines import lines_of
from cloudflow_cli.hocon_reader import read_hocon

FILE = Path("blueprint.conf")


def content(text: str) -> Any:
    return read_hocon(FILE, text).content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('topic { "retention.ms" = 3600000 }', {"topic": {"retention.ms": 3600000}}),
        ('a."b.c".d = 1', {"a": {"b.c": {"d": 1}}}),
        ("a = [1]\na += 2", {"a": [1, 2]}),
        ('name = x\nclass = ${name}".Y"', {"name": "x", "class": "x.Y"}),
        ("g = {s = 6}\ne = ${g}\ne = {n = east}", {"g": {"s": 6}, "e": {"s": 6, "n": "east"}}),
        ("a = 1\na = ${?NOT_SET_ANYWHERE}", {"a": 1}),
        ("wait = 2 minutes, size = 32M", {"wait": "2 minutes", "size": "32M"}),
        ('a = true, b = "true", c = yes', {"a": True, "b": "true", "c": "yes"}),
        ("a = 1.10, b = 007, c = 0.5, d = 4", {"a": "1.10", "b": "007", "c": 0.5, "d": 4}),
        ("a = null", {"a": None}),
        ('{"a":\t[1,\n\t2]}', {"a": [1, 2]}),
        ("", {}),
    ],
)
def test_hocon_is_read_as_its_specification_says(text: str, expected: Any) -> None:
    assert content(text) == expected


def test_the_environment_gives_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANT_FLOOR", "2.5")
    assert content("floor = ${PLANT_FLOOR}") == {"floor": "2.5"}


def test_an_include_is_read_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "shared.conf").write_text("x = 1\n")
    document = read_hocon(tmp_path / "blueprint.conf", 'k { include "shared.conf" }\n')
    assert document.content == {"k": {"x": 1}}


def test_an_include_that_may_be_missing_is_left_out(tmp_path: Path) -> None:
    document = read_hocon(tmp_path / "blueprint.conf", 'include "shared.conf"\na = 1\n')
    assert document.content == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = ]\n", 2),
        ("a = {", 1),
        ('a = 1\nb = "x', 2),
        ("a = 1\nb = ${nope}", 2),
        ("a..b = 1", 1),
        ('include url("x")', 1),
        ('include required("missing.conf")', None),
        ("[1, 2]", None),
        ("{" * 3000, 1),
        ("a = [" + "[" * 3000 + "]" * 3000 + "]", 1),
    ],
)
def test_what_is_no_hocon_is_a_problem_with_its_line(text: str, line: int | None) -> None:
    with pytest.raises(DocumentError) as caught:
        read_hocon(FILE, text)
    [problem] = caught.value.problems
    assert type(problem).__name__ == "UnreadableDocument"
    assert problem.line == line


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "shared.conf").write_text("x = 1\ny = ]\n")
    with pytest.raises(DocumentError) as caught:
        read_hocon(tmp_path / "blueprint.conf", 'include "shared.conf"\n')
    assert caught.value.path == tmp_path / "shared.conf"
    assert [problem.line for problem in caught.value.problems] == [2]


def test_a_substitution_that_may_be_in_any_of_two_files_has_no_line(tmp_path: Path) -> None:
    (tmp_path / "shared.conf").write_text("\n\nx = ${nope}\n")
    with pytest.raises(DocumentError) as caught:
        read_hocon(tmp_path / "blueprint.conf", 'include "shared.conf"\n')
    assert [problem.line for problem in caught.value.problems] == [None]


def test_an_included_file_in_another_encoding_is_a_problem_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "shared.conf").write_bytes(b'x = "\xff"\n')
    with pytest.raises(DocumentError) as caught:
        read_hocon(tmp_path / "blueprint.conf", 'include "shared.conf"\n')
    assert caught.value.path == tmp_path / "shared.conf"
    assert type(caught.value.problems[0]).__name__ == "WrongEncoding"


def test_lines_are_those_of_keys_whatever_stands_around_them() -> None:
    text = '''\
# a { is no key
blueprint { streamlets { a = x.Y // b = no key
    "b.c" : """text with { and
    = in it"""
  }
  topics.t { producers = [a.out,
      b.out] } { partitions = 2 }
}
blueprint.topics.u.partitions = ${?N} 4
list = [{k = 1}
  {k = 2}]
'''
    assert lines_of(text) == {
        ("blueprint",): 2,
        ("blueprint", "streamlets"): 2,
        ("blueprint", "streamlets", "a"): 2,
        ("blueprint", "streamlets", "b.c"): 3,
        ("blueprint", "topics"): 6,
        ("blueprint", "topics", "t"): 6,
        ("blueprint", "topics", "t", "producers"): 6,
        ("blueprint", "topics", "t", "producers", 0): 6,
        ("blueprint", "topics", "t", "producers", 1): 7,
        ("blueprint", "topics", "t", "partitions"): 7,
        ("blueprint", "topics", "u"): 9,
        ("blueprint", "topics", "u", "partitions"): 9,
        ("list",): 10,
        ("list", 0): 10,
        ("list", 0, "k"): 10,
        ("list", 1): 11,
        ("list", 1, "k"): 11,
    }


def test_of_a_key_given_twice_the_last_line_counts() -> None:
    assert lines_of("a = 1\na = 2\n") == {("a",): 2}
