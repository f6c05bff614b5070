"""What can be wrong with a cluster, in the words of who calls a command.

CloudflowError
├─ UnreachableError            the API server does not answer
├─ DeniedError                 the user may not do that
├─ UnknownKindError            the operator's resource is not installed
├─ RefusedByServerError        any other refusal
└─ OperatorError
   ├─ NoOperatorError          nobody would act on an application
   ├─ SeveralOperatorsError    two would
   ├─ OldOperatorError         it does not know what the application was built with yet
   └─ NewOperatorError         it does not know that any more
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.errors import UnreachableError
from streamlet_sdk.errors import CloudflowError

if TYPE_CHECKING:
    from cloudflow_operator.errors import ClusterError
    from cloudflow_operator.interfaces import Kind


class DeniedError(CloudflowError):
    """The user may not do that."""

    hint = (
        "Ask an administrator of the cluster for the right, or use another --context; "
        "`kubectl cloudflow doctor` lists the rights that commands need."
    )


class UnknownKindError(CloudflowError):
    """The cluster does not know a kind."""

    hint = (
        "Install Cloudflow's operator, which brings it, or name another cluster with --context; "
        "`kubectl cloudflow doctor` tells what is missing."
    )

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"The operator's resource is not installed: the cluster does not know "
            f"{kind.name} ({kind.api_version})."
        )


class RefusedByServerError(CloudflowError):
    """The API server does not do it."""


class OperatorError(CloudflowError):
    """There is not one operator that acts on the application."""


class NoOperatorError(OperatorError):
    """No operator watches the namespace, or none that the user may see."""


class SeveralOperatorsError(OperatorError):
    """More than one operator watches the namespace."""


class OldOperatorError(OperatorError):
    """The operator is older than what the application was built with."""


class NewOperatorError(OperatorError):
    """The operator does not know any more what the application was built with."""


def explained(error: ClusterError) -> CloudflowError:
    """What the API server said, with what its caller can do."""
    from cloudflow_operator import errors

    match error:
        case errors.ClusterUnavailableError():
            return UnreachableError(f"The cluster does not answer: {error}")
        case errors.ForbiddenError():
            return DeniedError(f"{error}")
        case errors.ConflictError():
            hint = "Somebody else wrote at the same time; run the command again."
            return RefusedByServerError(f"{error}", hint=hint)
        case _:
            return RefusedByServerError(f"{error}")
