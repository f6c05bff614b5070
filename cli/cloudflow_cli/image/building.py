"""Makes the image of a project, from verified source to what pods are told to pull.

Called by the command `build`. What comes out is described by the classes in the image.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloudflow_cli import VERSION, render
from cloudflow_cli.application import verified
from cloudflow_cli.errors import UsageError
from cloudflow_cli.image import references
from cloudflow_cli.image.builders import Builder, usable
from cloudflow_cli.image.command_lines import INDEX_VARIABLES
from cloudflow_cli.image.credentials import Credentials, environment_with
from cloudflow_cli.image.dockerfile import NAME, dockerfile
from cloudflow_cli.image.errors import ImageError
from cloudflow_cli.image.inside import Inside, differing
from cloudflow_cli.image.requirements import requirements
from cloudflow_cli.image.settings import ImageSettings, image_settings
from cloudflow_cli.image.staging import contents, stage
from cloudflow_cli.image.workshop import Workshop, is_watched

if TYPE_CHECKING:
    from cloudflow_cli.project import Project
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of a build.

    Attributes:
        builder: None: the one of the project, else one that works here.
        is_pushed: whether a registry gets the image.
        credentials: for the registry; None: those that are stored.
        is_heard: whether everything that the builder writes is shown.
    """

    builder: Builder | None = None
    is_pushed: bool = False
    credentials: Credentials | None = None
    is_heard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An image, and the application as its code has it.

    Attributes:
        image: what pods are told to pull.
        application: verified against the classes in the image.
        sdk: the version of the SDK in it.
        builder: who made it; None when nobody did.
        digest: by which the registry knows it; None when it was not pushed.
    """

    image: str
    application: VerifiedBlueprint
    sdk: str
    builder: Builder | None = None
    digest: str | None = None


def without_image(project: Project, reference: str) -> Built:
    """An image that somebody else builds, described by the classes that are here.

    Raises:
        DocumentError: with every problem of the project.
    """
    return Built(image=reference, application=verified(project), sdk=VERSION)


def built(project: Project, wish: Wish) -> Built:
    """Verify, build, verify again in the image, tag, and push if that is wanted.

    Raises:
        DocumentError: with every problem of the project, here or in the image.
        ImageError: when the image cannot be built, read or pushed.
        UsageError: when it has to be pushed and nothing says where to.
    """
    settings = image_settings(project)
    _require_repository(settings, wish)
    here = verified(project)
    workshop = Workshop(
        builder=usable(wish.builder or settings.builder), is_heard=wish.is_heard or is_watched()
    )
    context = _staged(project, settings)
    render.note(f"Building the image with {workshop.builder} from {render.short(context)}.")
    variables = [name for name in INDEX_VARIABLES if name in os.environ]
    image_id = workshop.build(
        context, base=settings.base, variables=variables if settings.asks_index else []
    )
    inside = Inside(lambda names: workshop.report(image_id, names))
    render.note("Verifying the streamlets in the image.")
    there = verified(project, inside.describe)
    _tell_differences(here, there, inside)
    reference = references.tagged(settings.repository, project.version, image_id)
    workshop.tag(image_id, reference)
    digest = _pushed(workshop, reference, settings, wish.credentials) if wish.is_pushed else None
    return Built(
        image=references.pinned(settings.repository, digest) if digest else reference,
        application=there,
        sdk=inside.sdk,
        builder=workshop.builder,
        digest=digest,
    )


def emit_dockerfile(project: Project) -> Path:
    """Write the Dockerfile that would be used into the project; the file.

    Raises:
        DocumentError: when the settings of the image have problems.
        UsageError: when there is one.
        ImageError: when it cannot be written.
    """
    file = project.root / NAME
    if file.exists():
        raise UsageError(
            f"{render.short(file)} exists, and `build` uses it.", hint="Remove it to have it anew."
        )
    try:
        file.write_text(_generated(image_settings(project)), "utf-8", newline="\n")
    except OSError as error:
        raise ImageError(f"{file} cannot be written: {error.strerror or error}.") from error
    return file


def _require_repository(settings: ImageSettings, wish: Wish) -> None:
    if wish.is_pushed and not settings.is_pushable:
        raise UsageError(
            "Nothing says where to push the image to.",
            hint='Set it in pyproject.toml: repository = "registry.example.com/team/application" '
            "in [tool.cloudflow.image].",
        )


def _staged(project: Project, settings: ImageSettings) -> Path:
    needed = requirements(project.root)
    folders = {"source": project.source}
    if settings.wheels is not None:
        folders["wheels"] = settings.wheels
    own = project.root / NAME
    if own.is_file():
        render.note(f"Using the project's own {NAME}.")
        folders["project"] = project.root
    text = own.read_text("utf-8") if own.is_file() else _generated(settings)
    return stage(project.root, contents(text, needed.text, folders))


def _generated(settings: ImageSettings) -> str:
    return dockerfile(
        base=settings.base,
        with_wheels=settings.wheels is not None,
        with_index=settings.asks_index,
    )


def _tell_differences(here: VerifiedBlueprint, there: VerifiedBlueprint, inside: Inside) -> None:
    """Say where the image has something else than this machine; the image is right."""
    if inside.sdk != VERSION:
        render.note(f"Warning: the image has the SDK {inside.sdk}, this command line is {VERSION}.")
    names = differing(
        {name: one.descriptor for name, one in here.streamlets.items()},
        {name: one.descriptor for name, one in there.streamlets.items()},
    )
    if names:
        render.note(
            f"Warning: {', '.join(names)} {'is' if len(names) == 1 else 'are'} not the same in the "
            "image as here, since packages or Python have other versions there. What is in the "
            "image is what is deployed."
        )


def _pushed(
    workshop: Workshop, reference: str, settings: ImageSettings, credentials: Credentials | None
) -> str:
    render.note(f"Pushing {reference}.")
    registry = references.registry(settings.repository)
    with environment_with(credentials, registry) as environment:
        return workshop.push(reference, environment)
