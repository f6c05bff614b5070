"""Every case that an application has to go through is shown by a test, or says why not."""

from __future__ import annotations

import ast
import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from support.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = ROOT / "tests"
TABLES = TESTS / "kubernetes" / "cases" / "README.md"
CASES = (
    *(f"ACC-{number:02}" for number in range(1, 21)),
    *(f"IT-{number:02}" for number in range(1, 26)),
    *(f"H{number}" for number in range(1, 6)),
)
# The only one: a case that is not shown cannot be.
REASON = "none: "


class Row(NamedTuple):
    """A case, and what the table says of who shows it."""

    case: str
    shown: str


def rows() -> list[Row]:
    found: list[Row] = []
    for line in TABLES.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "case" and set(cells[0]) != {"-"}:
            found.append(Row(cells[0], cells[-1]))
    return found


def named_tests(row: Row) -> Iterator[tuple[str, str]]:
    """The tests that a row names: file and function."""
    for name in re.findall(r"`(\S+::\S+)`", row.shown):
        file, _, function = name.partition("::")
        yield file, function


@functools.cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_every_numbered_case_is_there_once() -> None:
    numbered = [row.case for row in rows() if re.fullmatch(r"(ACC-|IT-|H)\d+", row.case)]
    assert sorted(numbered) == sorted(CASES)


def test_every_case_names_a_test_or_says_why_there_is_none() -> None:
    untold = [
        row for row in rows() if not list(named_tests(row)) and not row.shown.startswith(REASON)
    ]
    assert untold == []


def test_the_tests_that_are_named_exist() -> None:
    missing = [
        (row.case, file, function)
        for row in rows()
        for file, function in named_tests(row)
        if function not in functions(file)
    ]
    assert missing == []


def test_numbers_in_the_names_of_tests_are_those_of_their_cases() -> None:
    """An acceptance case is found by its number, also without the table."""
    found = {
        row.case: function
        for row in rows()
        for _, function in named_tests(row)
        if row.case.startswith("ACC-")
    }
    assert [
        case
        for case, function in found.items()
        if not function.startswith(f"test_{case.lower().replace('-', '_')}_")
    ] == []
