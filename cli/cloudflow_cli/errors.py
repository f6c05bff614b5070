"""The command line's own errors, beside those of the SDK.

CloudflowError                streamlet_sdk.errors
├─ ProblemsError
│  └─ DocumentError           a file of the user's has problems
├─ UsageError                 the command line is right, the request is not
├─ NotFoundError              what the command was asked about does not exist
└─ UnreachableError           the cluster does not answer
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from streamlet_sdk.errors import CloudflowError, ProblemsError
from streamlet_sdk.problems import Problem


class DocumentError(ProblemsError):
    """A file of the user's has problems; `path` is the file."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        super().__init__(problems)


class UsageError(CloudflowError):
    """The command line is right, the request is not."""


class NotFoundError(CloudflowError):
    """What the command was asked about does not exist."""


class UnreachableError(CloudflowError):
    """The cluster does not answer."""

    hint = (
        "Is it up, and does the kubeconfig's context lead to it? `kubectl config current-context` "
        "tells the context; --context and --kubeconfig name another one."
    )
