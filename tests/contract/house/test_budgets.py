"""The budgets of CONTRIBUTING.md: sizes, shapes, and exceptions to the rules."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from support.sources import Function, Module, modules, nesting, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 50
PARAMETERS = 6
NESTED_BLOCKS = 4
NOQA_IN_THE_PROJECT = 5
COMMENT_THAT_SILENCES = re.compile(r"#\s*(noqa|type:\s*ignore|pyright:\s*ignore)(?P<rest>.*)")
# A code in its brackets or after its colon, then a dash or a second comment with words.
CODE_AND_REASON = re.compile(r"(:\s*[A-Z]+\d+|\[[a-zA-Z-]+\])[^#—]*(—|#)\s*\w+(\s+\S+)+")
LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})

# Where whatever user code or a vendor raises has to be met; each of them has a test.
BROAD_HANDLERS = frozenset(
    {
        "operator/cloudflow_operator/work_queue.py:WorkQueue._once",
        "streamlet_sdk/serde/raw.py:CustomCodec._called",
    }
)
BROAD_HANDLERS_ALLOWED = 3


def test_modules_fit_their_budget() -> None:
    sizes = [(module.name, module.text.count("\n")) for module in modules()]
    assert [(name, lines) for name, lines in sizes if lines > LINES_OF_A_MODULE] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [module.name for module in modules() if not ast.get_docstring(module.tree)] == []


def test_functions_are_short_and_flat() -> None:
    assert [finding for module in modules() for finding in _unshapely(module)] == []


def test_every_parameter_and_result_is_annotated() -> None:
    bare = [
        module.where(function)
        for module in modules()
        for function in module.functions()
        if not _annotated(function)
    ]
    assert bare == []


def test_every_public_name_is_documented() -> None:
    assert [name for module in modules() for name in _undocumented(module, module.tree)] == []


def test_log_messages_are_constant() -> None:
    calls = [
        (module.where(node), node)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
    ]
    assert [where for where, call in calls if _logs_an_f_string(call)] == []


def test_silenced_rules_are_few_and_give_their_reason() -> None:
    silenced = [
        (f"{module.name}:{line}", match)
        for module in modules()
        for line, comment in module.comments()
        if (match := COMMENT_THAT_SILENCES.search(comment))
    ]
    assert [where for where, match in silenced if not CODE_AND_REASON.match(match["rest"])] == []
    assert len([where for where, match in silenced if match[1] == "noqa"]) <= NOQA_IN_THE_PROJECT


def test_broad_handlers_are_the_named_ones() -> None:
    found = [
        f"{module.name}:{name}" for module in modules() for name in _broad_handlers(module.tree)
    ]
    assert sorted(found) == sorted(BROAD_HANDLERS)
    assert len(BROAD_HANDLERS) <= BROAD_HANDLERS_ALLOWED


@pytest.mark.parametrize(
    ("comment", "good"),
    [
        ("# noqa: BLE001 — user code may raise anything", True),
        ("# type: ignore[misc]  # the vendor's class has no types", True),
        ("# noqa: BLE001", False),
        ("# noqa", False),
        ("# type: ignore", False),
        ("# type: ignore[misc]", False),
    ],
)
def test_a_silenced_rule_needs_code_and_reason(comment: str, *, good: bool) -> None:
    match = COMMENT_THAT_SILENCES.search(comment)
    assert match is not None
    assert bool(CODE_AND_REASON.match(match["rest"])) is good


def _unshapely(module: Module) -> Iterator[str]:
    for function in module.functions():
        where = f"{module.where(function)} {function.name}"
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > LINES_OF_A_FUNCTION:
            yield f"{where}: {lines} lines"
        if len(parameters(function)) > PARAMETERS:
            yield f"{where}: {len(parameters(function))} parameters"
        if nesting(function) > NESTED_BLOCKS:
            yield f"{where}: nests {nesting(function)} deep"


def _annotated(function: Function) -> bool:
    stars = [star for star in (function.args.vararg, function.args.kwarg) if star is not None]
    return function.returns is not None and all(
        argument.annotation is not None for argument in [*parameters(function), *stars]
    )


def _undocumented(module: Module, scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in scope.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_") or _speaks_for_another(node):
            continue
        if ast.get_docstring(node) is None:
            yield f"{module.where(node)} {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(module, node)


def _speaks_for_another(node: Function | ast.ClassDef) -> bool:
    """An overload, a setter or an override: its first, its getter or its parent is documented."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return not names.isdisjoint({"overload", "setter", "override"})


def _logs_an_f_string(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in LOG_METHODS
        and any(isinstance(argument, ast.JoinedStr) for argument in call.args[:2])
    )


def _broad_handlers(node: ast.AST, scope: str = "") -> Iterator[str]:
    """The dotted name of the function around each `except Exception`, or `except:`."""
    for child in ast.iter_child_nodes(node):
        inside = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{scope}.{child.name}".strip(".")
        if isinstance(child, ast.ExceptHandler) and _is_broad(child.type):
            yield scope
        yield from _broad_handlers(child, inside)


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(one) for one in caught.elts)
    return caught is None or ast.unparse(caught) in {"Exception", "BaseException"}
