"""The ServiceAccount of an application's pods: none of them talks to the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_operator import names
from cloudflow_operator.desired.children import child, stamped
from cloudflow_operator.interfaces import SERVICE_ACCOUNT

if TYPE_CHECKING:
    from cloudflow_operator.api.v1alpha1 import Application
    from cloudflow_operator.interfaces import Manifest


def service_account(application: Application) -> Manifest | None:
    """The account, without a token; None when the resource names one that exists."""
    if application.spec.service_account_name is not None:
        return None
    owner = application.metadata.name
    name, labels = names.service_account(owner), names.labels(owner, application.spec.version)
    made = child(SERVICE_ACCOUNT, application, name, labels, automountServiceAccountToken=False)
    return stamped(made)
