"""Exit codes: what a script can tell from how a command ended."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamlet_sdk.errors import CloudflowError


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PROBLEMS = 3
    UNREACHABLE = 4
    NOT_FOUND = 5

    @property
    def meaning(self) -> str:
        """What it says, in words."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    Exit.DONE: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "the command line is wrong",
    Exit.PROBLEMS: "a document has problems",
    Exit.UNREACHABLE: "the cluster or the broker cannot be reached",
    Exit.NOT_FOUND: "what was asked about does not exist",
}


def status(error: CloudflowError) -> Exit:
    """The exit code of a command that ended with `error`."""
    from cloudflow_cli.errors import NotFoundError, UnreachableError, UsageError
    from streamlet_sdk.errors import ProblemsError, UnavailableError

    match error:
        case ProblemsError():
            return Exit.PROBLEMS
        case UsageError():
            return Exit.USAGE
        case UnavailableError() | UnreachableError():
            return Exit.UNREACHABLE
        case NotFoundError():
            return Exit.NOT_FOUND
        case _:
            return Exit.FAILED
