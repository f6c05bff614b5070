"""`kubectl cloudflow update-docker-credentials`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cloudflow_cli import render
from cloudflow_cli.kube import session
from cloudflow_cli.kube.arguments import ApplicationArgument
from cloudflow_cli.kube.session import Session


def update_docker_credentials(
    ctx: typer.Context,
    application: ApplicationArgument,
    registry: Annotated[
        str,
        typer.Argument(metavar="REGISTRY", help="Host of the registry.", show_default=False),
    ],
    *,
    username: Annotated[
        str, typer.Option("--username", "-u", metavar="NAME", help="User of the registry.")
    ],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin; needed.")
    ] = False,
) -> None:
    """Store what an application's images are pulled with.

    Credentials of several registries stand beside each other in the Secret APP-registry. The
    application refers to it from then on, whoever deploys it; before the first deployment it is
    made for it. Only those whose pods have to be made anew read it.

    Examples:
        kubectl cloudflow update-docker-credentials app registry.example -u me --password-stdin
    """
    from cloudflow_cli.deploying import docker
    from cloudflow_cli.errors import UsageError

    if not password_stdin:
        raise UsageError(
            "A password on the command line would be seen by others.",
            hint="Give it on stdin, with --password-stdin.",
        )
    password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not password:
        raise UsageError("There is no password on stdin.")
    entry, host = docker.entry(username, password), docker.registry(registry)

    async def work(session: Session) -> None:
        from cloudflow_cli.deploying import credentials

        is_there = await credentials.update(session, application, host, entry)
        name = docker.secret_name(application)
        data = {"application": application, "registry": host, "secret": name, "used": is_there}
        then = "" if is_there else f" There is no application {application!r} yet; it will use it."
        render.show(data, ctx.obj.output, text=f"{name} has credentials for {host}.{then}\n")

    session.run(ctx.obj, work)
