"""Words and options that several of the writing commands take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cloudflow_cli.kube import completion

SourceArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE|PROJECT] [KEY=VALUE]",
        help="An application resource, or the folder of a project, or one of its blueprint files; "
        "then configuration. The current folder if absent.",
        show_default=False,
    ),
]
ConfOption = Annotated[
    list[Path] | None,
    typer.Option("--conf", metavar="FILE", help="Configuration; a later file wins."),
]
ScaleOption = Annotated[
    list[str] | None,
    typer.Option("--scale", metavar="STREAMLET=N", help="How many pods a streamlet has."),
]
VolumeMountOption = Annotated[
    list[str] | None,
    typer.Option(
        "--volume-mount",
        metavar="STREAMLET.MOUNT=CLAIM",
        help="The PersistentVolumeClaim behind a volume mount.",
    ),
]
ServiceAccountOption = Annotated[
    str | None,
    typer.Option(
        "--service-account",
        metavar="NAME",
        help="An existing ServiceAccount for the pods; without it the operator makes one.",
    ),
]
ImageOption = Annotated[
    str | None,
    typer.Option("--image", metavar="REFERENCE", help="The image, best by its digest."),
]
ResetOption = Annotated[
    bool,
    typer.Option("--reset", help="Drop what `scale` and `configure` have set."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The words and options that say what an application shall be, as they were written."""

    words: SourceArgument = None
    conf: ConfOption = None
    scale: ScaleOption = None
    volume_mount: VolumeMountOption = None
    service_account: ServiceAccountOption = None
    image: ImageOption = None
    reset: ResetOption = False


def counts(ctx: typer.Context, incomplete: str) -> list[str]:
    """The words that `scale` may go on with: streamlets, with the sign after them."""
    return [f"{name}=" for name in completion.streamlets(ctx, incomplete)]


CountArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="STREAMLET=N",
        help="Streamlets of the application and how many pods each shall have.",
        autocompletion=counts,
        show_default=False,
    ),
]
KeyValueArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]",
        help="Configuration, which wins over files.",
        show_default=False,
    ),
]
