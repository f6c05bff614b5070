"""The operator's account on a real API server, with its roles and not a right more."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cloudflow_operator.rights import Installation
    from support.kube import Kube


@contextlib.asynccontextmanager
async def installed(kube: Kube, installation: Installation, folder: Path) -> AsyncIterator[Path]:
    """The account's kubeconfig, in `folder`; what is of no namespace goes at the end."""
    theirs = await kube.account(installation.namespace, installation.account, folder)
    roles = list(installation.roles())
    for role in roles:
        await kube.apply(role)
    try:
        yield theirs
    finally:
        for role in roles:
            if "namespace" not in role["metadata"]:
                await kube.delete(role)
