"""`kubectl cloudflow build`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cloudflow_cli import project, render
from cloudflow_cli.application_resource import Release, resource
from cloudflow_cli.command import with_options
from cloudflow_cli.errors import UsageError
from cloudflow_cli.image import building, credentials
from cloudflow_cli.image.builders import Builder
from cloudflow_cli.image.building import Built, Wish
from cloudflow_cli.image.errors import ImageError
from cloudflow_cli.image.staging import target
from cloudflow_cli.options import Common, ProjectArgument
from cloudflow_cli.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of the command, as they were written."""

    where: ProjectArgument = Path()
    push: Annotated[
        bool, typer.Option("--push", help="Push the image; the resource then names its digest.")
    ] = False
    builder: Annotated[
        Builder | None,
        typer.Option(
            "--builder", metavar="|".join(Builder), help="Who builds; one that works if absent."
        ),
    ] = None
    no_image: Annotated[
        bool, typer.Option("--no-image", help="Build nothing; write the resource for --image.")
    ] = False
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="REF", help="The image that somebody else has built."),
    ] = None
    emit_dockerfile: Annotated[
        bool,
        typer.Option(
            "--emit-dockerfile", help="Write the Dockerfile into the project, to be changed."
        ),
    ] = False
    username: Annotated[
        str | None,
        typer.Option("--username", metavar="NAME", help="User of the registry for --push."),
    ] = None
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the user's password from stdin.")
    ] = False

    def wish(self, *, is_heard: bool) -> Wish:
        """What is asked of a build.

        Raises:
            UsageError: when options are at odds.
        """
        login = None
        if self.push:
            stdin = sys.stdin if self.password_stdin else None
            login = credentials.given(self.username, stdin, os.environ)
        return Wish(builder=self.builder, is_pushed=self.push, credentials=login, is_heard=is_heard)

    def require_sense(self) -> None:
        """See that the options fit together.

        Raises:
            UsageError: when they do not.
        """
        if self.no_image != (self.image is not None):
            raise UsageError(
                "`--no-image` and `--image REF` belong together.",
                hint="Give both to write the resource of an image that is built elsewhere.",
            )
        if self.no_image and (self.push or self.builder is not None):
            raise UsageError("With `--no-image` nothing is built, and nothing pushed.")
        if not self.push and (self.username is not None or self.password_stdin):
            raise UsageError("`--username` and `--password-stdin` are for `--push`.")


@with_options(Given)
def build(ctx: typer.Context, given: Given) -> None:
    """Build the image of a project, and write its application resource.

    The project is verified, also once more in the image, so that what was verified is what runs.
    The resource is written to target/APPLICATION.yaml for `deploy`; it names the image by digest
    when it was pushed, else by a tag of its content. docker, podman or buildah does the work.

    Examples:
        kubectl cloudflow build
        kubectl cloudflow build examples/hello --builder podman --push
        kubectl cloudflow build --push --username ci --password-stdin < token
        kubectl cloudflow build --no-image --image registry.example.com/hello@sha256:...
        kubectl cloudflow build --emit-dockerfile
    """
    given.require_sense()
    found = project.load(given.where)
    if given.emit_dockerfile:
        _emit(found, ctx.obj)
        return
    made = _made(found, given, ctx.obj)
    file = _written(found, made, ctx.obj.namespace)
    render.warnings(made.application.warnings, found.blueprint, ctx.obj)
    render.show(_data(found, made, file), ctx.obj.output, text=_text(found, made, file))


def _emit(found: Project, common: Common) -> None:
    file = render.short(building.emit_dockerfile(found))
    text = f"Wrote {file}; `build` uses it from now on.\n"
    render.show({"application": found.name, "dockerfile": file}, common.output, text=text)


def _made(found: Project, given: Given, common: Common) -> Built:
    if given.image is not None:
        return building.without_image(found, given.image)
    return building.built(found, given.wish(is_heard=common.verbose))


def _written(found: Project, made: Built, namespace: str | None) -> Path:
    release = Release(
        name=found.name,
        version=found.version,
        namespace=namespace,
        image=made.image,
        sdk=made.sdk,
    )
    text = render.as_yaml(resource(release, made.application))
    file = target(found.root) / f"{found.name}.yaml"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise ImageError(f"{file} cannot be written: {error.strerror or error}.") from error
    return file


def _data(found: Project, made: Built, file: Path) -> dict[str, Any]:
    return {
        "application": found.name,
        "version": found.version,
        "image": made.image,
        "digest": made.digest,
        "builder": made.builder and str(made.builder),
        "sdk": made.sdk,
        "resource": render.short(file),
    }


def _text(found: Project, made: Built, file: Path) -> str:
    did = "Pushed" if made.digest else "Built" if made.builder else "Took"
    short = render.short(file)
    return (
        f"{did} {made.image}\nWrote {short} for {found.name} {found.version}. Go on with:\n"
        f"  kubectl cloudflow deploy {short}\n"
    )
