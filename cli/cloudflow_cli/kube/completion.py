"""Offers the names of applications and streamlets to who presses <TAB>.

Called by the completion of arguments. It waits a second at most, and where the cluster does not
answer it offers nothing and says nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from cloudflow_cli.options import COMMON, Common, from_environment

if TYPE_CHECKING:
    from cloudflow_cli.kube.session import Session


def applications(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of applications that begin so."""
    return _begun(_asked(ctx, _applications), incomplete)


def streamlets(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the given application's streamlets that begin so."""

    async def names(session: Session) -> Sequence[str]:
        from cloudflow_cli.kube import applications

        found = await applications.find(session, str(ctx.params.get("application")))
        return [one["name"] for one in found["spec"].get("streamlets", ())] if found else []

    return _begun(_asked(ctx, names), incomplete)


async def _applications(session: Session) -> Sequence[str]:
    from cloudflow_cli.kube import applications

    return [row.metadata["name"] for row in await applications.listed(session)]


def _asked(
    ctx: typer.Context, names: Callable[[Session], Awaitable[Sequence[str]]]
) -> Sequence[str]:
    from cloudflow_cli.kube import session
    from streamlet_sdk.errors import CloudflowError

    common = _common(ctx)

    async def ask() -> Sequence[str]:
        async with session.opened(common, hasty=True) as opened:
            return await names(opened)

    try:
        return asyncio.run(ask())
    except CloudflowError:
        return ()


def _common(ctx: typer.Context) -> Common:
    """The common options as far as they are given; a command's win over those before it."""
    common, contexts = from_environment(), []
    here: Any = ctx
    while here is not None:
        contexts.append(here)
        here = here.parent
    for one in reversed(contexts):
        common = common.over({name: one.params.get(name) for name in COMMON})
    return common


def _begun(names: Sequence[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
