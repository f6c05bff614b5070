"""Errors of the operator's edges.

    CloudflowError
    └─ ClusterError                 what the API server said; names verb and resource
       ├─ ClusterUnavailableError   no connection, 429, 5xx: try again later
       ├─ ConflictError             somebody wrote in between: look again
       │  └─ TakenError             what was to be made is there
       ├─ ForbiddenError            rights are missing
       └─ RefusedError              any other refusal: trying again does not help

Errors of Kafka are those of `streamlet_sdk.errors.TransportError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from datetime import timedelta


class ClusterError(CloudflowError):
    """The API server did not do what it was asked.

    Attributes:
        doing: verb and object, as `apply Deployment plant/sensor-data-in-1a2b3c4d`.
        retry_after: when the server says to come again; None when it does not say.
    """

    is_retryable: ClassVar[bool] = False

    def __init__(
        self,
        doing: str,
        message: str,
        *,
        hint: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        self.doing = doing
        self.retry_after = retry_after
        super().__init__(f"{doing}: {message}", hint=hint)


class ClusterUnavailableError(ClusterError):
    """The API server is away, overloaded or broken."""

    is_retryable = True


class ConflictError(ClusterError):
    """The object is another one than was observed, or exists already."""

    is_retryable = True


class TakenError(ConflictError):
    """An object of the name is there already.

    Attributes:
        found: it, as it is.
    """

    def __init__(self, doing: str, found: dict[str, Any]) -> None:
        self.found = found
        super().__init__(doing, "it is there already")


class ForbiddenError(ClusterError):
    """The operator's ServiceAccount lacks a right."""

    is_retryable = True


class RefusedError(ClusterError):
    """The API server does not accept what was sent."""
