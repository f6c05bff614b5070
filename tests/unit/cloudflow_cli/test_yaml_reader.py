from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudflow_cli.errors import DocumentError
from cloudflow_cli.yaml_reader import read_yaml

FILE = Path("blueprint.yaml")


def problem_types(text: str) -> list[tuple[str, int | None]]:
    with pytest.raises(DocumentError) as caught:
        read_yaml(FILE, text)
    return [(type(problem).__name__, problem.line) for problem in caught.value.problems]


def test_every_key_and_list_element_has_its_line() -> None:
    document = read_yaml(FILE, "a: 1\nb:\n  - x\n  - {y: 2}\n")
    assert document.lines == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "y"): 4,
    }


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("4", 4),
        ("-4", -4),
        ("0.5", 0.5),
        ("1.10", "1.10"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("1_000", "1_000"),
        ("null", None),
        ("", None),
        ('"null"', "null"),
        ('"4"', "4"),
        (".nan", ".nan"),
    ],
)
def test_a_scalar_is_what_a_person_would_read(written: str, value: Any) -> None:
    content = read_yaml(FILE, f"a: {written}\n").content
    assert content == {"a": value}
    assert type(content["a"]) is type(value)


def test_keys_are_always_texts() -> None:
    assert read_yaml(FILE, "on: 1\n1: 2\n").content == {"on": 1, "1": 2}


def test_a_key_given_twice_is_reported_at_its_second_place() -> None:
    document = read_yaml(FILE, "a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert [(problem.path, problem.line) for problem in document.problems] == [("a.b", 4)]


def test_an_anchor_and_a_merge_key_are_read() -> None:
    document = read_yaml(FILE, "b: &b {p: 1, q: 2}\nc:\n  <<: *b\n  q: 3\nd: *b\n")
    assert document.content["c"] == {"p": 1, "q": 3}
    assert document.content["d"] == {"p": 1, "q": 2}
    assert document.problems == ()


def test_a_quoted_merge_key_is_a_key() -> None:
    assert read_yaml(FILE, '"<<": {a: 1}\n').content == {"<<": {"a": 1}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_document_has_no_content(text: str) -> None:
    assert read_yaml(FILE, text).content is None


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("a:\n\tb: 1\n", "TabInYaml", 2),
        ("a: [1\nb: 2\n", "UnreadableDocument", 2),
        ("a: b: c\n", "UnreadableDocument", 1),
        ("a: 1\n---\nb: 2\n", "UnreadableDocument", 2),
        ("a: 1\nb: *nope\n", "UnreadableDocument", 2),
        ("a: 1\nb: \x00\n", "UnreadableDocument", 2),
        ("a: 1\nb: !!python/object:os.system x\n", "UnsupportedYaml", 2),
        ("a: !!int abc\n", "UnsupportedYaml", 1),
        ("a: !!set {b, c}\n", "UnsupportedYaml", 1),
        ("? [1]\n: 2\n", "UnsupportedYaml", 1),
        ("a: 1\n<<: 3\n", "UnsupportedYaml", 2),
        ("&a [*a]\n", "UnsupportedYaml", 1),
        ("a: &x {b: 1, <<: *x}\n", "UnreadableDocument", None),
    ],
)
def test_what_is_no_yaml_is_a_problem_with_its_line(text: str, kind: str, line: int | None) -> None:
    assert problem_types(text) == [(kind, line)]


def test_aliases_of_aliases_do_not_grow_without_end() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert problem_types("\n".join(levels)) == [("UnsupportedYaml", 1)]


@pytest.mark.parametrize("depth", [200, 2_000, 20_000])
def test_nesting_without_end_is_a_problem(depth: int) -> None:
    with pytest.raises(DocumentError):
        read_yaml(FILE, "[" * depth + "]" * depth)
