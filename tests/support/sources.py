"""The project's own source text, parsed: for the tests that hold its budgets."""

from __future__ import annotations

import ast
import functools
import io
import shutil
import subprocess
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("streamlet_sdk", "cli/cloudflow_cli", "operator/cloudflow_operator")
"""Folders of the packages, relative to the project's root."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class Module:
    """One source file; `name` is its path relative to the root."""

    name: str
    text: str
    tree: ast.Module

    def where(self, node: ast.expr | ast.stmt | ast.excepthandler) -> str:
        """`file:line` of `node`, for messages."""
        return f"{self.name}:{node.lineno}"

    def functions(self) -> Iterator[Function]:
        """Every function and method, however deep."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def comments(self) -> Iterator[tuple[int, str]]:
        """Line number and text of every comment."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of the packages, sorted by path."""
    files = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return tuple(_module(file) for file in files)


def tracked_files() -> tuple[Path, ...]:
    """Every text file under version control; skips the test where there is no repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no list of tracked files: this is no git repository, or there is no git")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return tuple(ROOT / name for name in listing.stdout.split("\0") if name)


def nesting(node: ast.AST) -> int:
    """How deep blocks nest below `node`; inner functions do not count."""
    return max((_depth(child) for child in ast.iter_child_nodes(node)), default=0)


def parameters(function: Function) -> list[ast.arg]:
    """What a caller passes by name or place: not `self`, `cls`, `*args` and `**keywords`."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument for argument in named if argument.arg not in {"self", "cls"}]


def _module(file: Path) -> Module:
    text = file.read_text(encoding="utf-8")
    name = file.relative_to(ROOT).as_posix()
    return Module(name, text, ast.parse(text, filename=name))


def _depth(node: ast.AST) -> int:
    if isinstance(node, SCOPES):
        return 0
    # `elif` is an `If` in the `orelse` of its `If`: the same depth to a reader.
    own = isinstance(node, BLOCKS)
    return own + max(
        (_depth(child) - _is_elif(node, child) for child in ast.iter_child_nodes(node)), default=0
    )


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
