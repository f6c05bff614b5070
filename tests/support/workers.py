"""How several workers share the tests: what stays together, what begins first, and how they end.

`tests/conftest.py` hangs it in; without workers nothing of it is used.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import NodeManager

from support.sources import ROOT

if TYPE_CHECKING:
    import pytest

# Folders whose files share what takes long to make: they are one piece, else each file is one.
TOGETHER: Final = ("tests/end_to_end", "tests/node", "tests/kubernetes/cases")
# The longest piece first, so that nobody has it left when others are through; then what needs
# least, while that one builds programs that the rest needs too; at last what fills gaps.
FIRST: Final = (
    "tests/end_to_end",
    "tests/chaos",
    "tests/image",
    "tests/kafka",
    "tests/node",
    "tests/docs/test_operations.py",
    "tests/kubernetes/faults",
    "tests/kubernetes",
    "tests/helm",
    "tests/docs",
    "tests/contract",
    "tests/property",
)
END_SECONDS: Final = 120


class Scheduling(LoadScopeScheduling):
    """Gives a worker that is free the next piece."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePath(nodeid.partition("::")[0])
        return next((each for each in TOGETHER if path.is_relative_to(each)), str(path))


def put_in_order(items: list[pytest.Item]) -> None:
    """Sort tests as they are to begin; pieces are given away in the order of their first tests."""
    items.sort(key=lambda item: _rank(item.path.relative_to(ROOT)))


def may_clean_up() -> None:
    """Let workers that are interrupted end what they have started, instead of being killed soon."""
    manager: Any = NodeManager  # says that it is 10 and nothing else
    manager.EXIT_TIMEOUT = END_SECONDS


def _rank(path: PurePath) -> int:
    ranks = (rank for rank, each in enumerate(FIRST) if path.is_relative_to(each))
    return next(ranks, len(FIRST))
