"""What `deploy` and `plan` are given: a project, or the resource that was made of one.

Called by the two commands. Reads files, and asks no cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cloudflow_cli import VERSION, application, project, reading
from cloudflow_cli.application_resource import Release, resource, secret_values
from cloudflow_cli.deploying import overrides
from cloudflow_cli.deploying.described import described, relaxed
from cloudflow_cli.deploying.overlay import overlay
from cloudflow_cli.deploying.problems import NoImage, UnreadableResource
from cloudflow_cli.errors import DocumentError
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, Application
from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.problems.settings import SecretInDocument
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from cloudflow_cli.application_resource import Manifest
    from cloudflow_cli.deploying.overlay import Claim
    from streamlet_sdk.blueprint.layers import Layer
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint
    from streamlet_sdk.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the words and options of a command set.

    Attributes:
        layers: documents and words, the last one winning.
        claims: for volume mounts.
        image: of all streamlets; None leaves the source's.
        service_account: that the pods run under; None leaves the source's.
    """

    layers: Sequence[Layer] = ()
    claims: Sequence[Claim] = ()
    image: str | None = None
    service_account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An application resource that is ready to be sent.

    Attributes:
        secrets: values by their key in the application's Secret, to which the resource refers.
    """

    manifest: Manifest
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A project or a resource, read.

    Attributes:
        path: the file that its problems are in.
        namespace: that the resource names.
        verified: the application, without what is asked.
        manifest: of a resource as it stands; None for a project.
        release: of a project; None for a resource.
    """

    path: Path
    name: str
    verified: VerifiedBlueprint
    namespace: str | None = None
    manifest: Manifest | None = None
    release: Release | None = None

    @property
    def warnings(self) -> list[Problem]:
        """What is legal and probably not meant, and not looked at again later."""
        return [one for one in self.verified.warnings if isinstance(one, SecretInDocument)]

    def made(self, asked: Asked, given: Mapping[str, Collection[str]]) -> Made:
        """The resource with all that is asked.

        Args:
            asked: what is set on top of it.
            given: parameters of each streamlet that have a value on the cluster.

        Raises:
            ConfigurationError: with every problem of what is asked.
        """
        verified = _with_given(self.verified, given)
        if self.release is not None:
            made = _of_project(self.release, verified, asked)
        else:
            assert self.manifest is not None
            made = _of_resource(self.manifest, verified, asked)
        spec = dict(made.manifest["spec"])
        if asked.image is not None:
            spec["image"] = asked.image
        if asked.service_account is not None:
            spec["serviceAccountName"] = asked.service_account
        return replace(made, manifest={**made.manifest, "spec": spec})


def load(where: Path, asked: Asked) -> Source:
    """Read a project, or a file with an application resource.

    Raises:
        NotFoundError: when there is neither.
        ProblemsError: with every problem of what is there.
    """
    place = where.expanduser()
    if place.is_file():
        document = reading.read(place)
        content = document.content
        if not isinstance(content, dict) or "blueprint" not in content:
            if document.problems:
                raise DocumentError(place, document.problems)
            return of_manifest(place, content)
    found = project.load(where)
    if asked.image is None:
        problem = NoImage(path="tool.cloudflow.image")
        raise DocumentError(found.root / project.FILE, [problem])
    release = Release(name=found.name, version=found.version, image=asked.image, sdk=VERSION)
    return Source(
        path=found.blueprint,
        name=found.name,
        verified=application.verified(found),
        release=release,
    )


def of_manifest(path: Path, content: Any) -> Source:
    """A resource as a file has it.

    Raises:
        DocumentError: when it is none, or one that nobody can read.
    """
    found = read_application(path, content)
    try:
        verified = described(found)
    except ConfigurationError as error:
        raise DocumentError(path, error.problems) from error
    # What only a server writes would be taken for something that was observed.
    metadata = {
        key: value
        for key, value in content["metadata"].items()
        if key in {"name", "namespace", "labels", "annotations"}
    }
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
    return Source(
        path=path,
        name=found.metadata.name,
        namespace=metadata.get("namespace"),
        verified=verified,
        manifest={**manifest, "spec": content["spec"]},
    )


def read_application(path: Path, content: Any) -> Application:
    """The application in a document.

    Raises:
        DocumentError: when there is none.
    """
    if not isinstance(content, dict) or not isinstance(content.get("metadata"), dict):
        raise _unreadable(path, "it has no metadata")
    kind = content.get("apiVersion"), content.get("kind")
    if kind != (API_VERSION, KIND):
        raise _unreadable(path, f"it is not {KIND} of {API_VERSION}")
    metadata = {"namespace": "default", **content["metadata"]}
    try:
        return Application.model_validate({"metadata": metadata, "spec": content.get("spec")})
    except ValidationError as error:
        problems = [
            UnreadableResource(path=".".join(map(str, one["loc"])), reason=_reason(one["msg"]))
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise DocumentError(path, problems) from None


def _unreadable(path: Path, reason: str) -> DocumentError:
    return DocumentError(path, [UnreadableResource(path="", reason=reason)])


def _reason(message: str) -> str:
    return message[:1].lower() + message[1:]


def _with_given(
    verified: VerifiedBlueprint, given: Mapping[str, Collection[str]]
) -> VerifiedBlueprint:
    streamlets = {
        name: replace(one, descriptor=relaxed(one.descriptor, given.get(name, ())))
        for name, one in verified.streamlets.items()
    }
    return replace(verified, streamlets=streamlets)


def _of_project(release: Release, verified: VerifiedBlueprint, asked: Asked) -> Made:
    # With nothing but the claims it finds their problems, which `configure` knows nothing of.
    claims = overlay(release.name, verified, asked.layers, asked.claims).streamlets
    configuration = configure(verified, asked.layers)
    manifest = resource(release, configuration.application, configuration.pods)
    spec = manifest["spec"]
    mounted = [
        {"name": name, "volumeClaims": one["volumeClaims"]}
        for name, one in claims.items()
        if "volumeClaims" in one
    ]
    streamlets = overrides.merged(spec["streamlets"], mounted)
    return Made(
        manifest={**manifest, "spec": {**spec, "streamlets": streamlets}},
        secrets=secret_values(configuration.application),
    )


def _of_resource(manifest: Manifest, verified: VerifiedBlueprint, asked: Asked) -> Made:
    name = manifest["metadata"]["name"]
    found = overlay(name, verified, asked.layers, asked.claims)
    spec = dict(manifest["spec"])
    spec["streamlets"] = overrides.merged(spec.get("streamlets") or (), found.streamlets.values())
    if found.topics:
        spec["topics"] = _with_topics(spec.get("topics") or (), found.topics)
    return Made(manifest={**manifest, "spec": spec}, secrets=found.secrets)


def _with_topics(topics: Sequence[Manifest], told: Mapping[str, Manifest]) -> list[Manifest]:
    known = {one["name"]: one for one in topics}
    for name, entry in told.items():
        known[name] = overrides.merged_entry(known.get(name, {"name": name}), entry)
    return list(known.values())
