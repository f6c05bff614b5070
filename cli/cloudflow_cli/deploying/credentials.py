"""The pull secret of an application: made once, and kept by every deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflow_cli.deploying import docker
from cloudflow_cli.kube import applications
from cloudflow_cli.kube.kinds import APPLICATION, SECRET
from cloudflow_cli.kube.session import Target
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.names import CREDENTIALS_MANAGER

if TYPE_CHECKING:
    from cloudflow_cli.application_resource import Manifest
    from cloudflow_cli.kube.session import Session


async def update(session: Session, application: str, registry: str, entry: dict[str, str]) -> bool:
    """Store the entry of one registry; those of others stay.

    Returns:
        Whether the application is there and refers to the Secret now.
    """
    there = await applications.find(session, application)
    secret = await session.server.read(_target(session, application))
    entries = {**docker.registries(secret), registry: entry}
    manifest = docker.manifest(application, session.namespace, entries, there)
    await session.server.apply(SECRET, manifest, CREDENTIALS_MANAGER)
    if there is None:
        return False
    metadata = {key: there["metadata"][key] for key in ("name", "namespace", "uid")}
    reference = {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.name,
        "metadata": metadata,
        "spec": {"imagePullSecrets": [{"name": docker.secret_name(application)}]},
    }
    # Under a name of its own, so that neither a deployment nor Git takes it away.
    await session.server.apply(APPLICATION, reference, CREDENTIALS_MANAGER)
    return True


async def with_pull_secret(
    session: Session, manifest: Manifest, before: Manifest | None
) -> Manifest:
    """`manifest` with a reference to the Secret, if there is one."""
    name = docker.secret_name(manifest["metadata"]["name"])
    given = manifest["spec"].get("imagePullSecrets") or []
    if any(one.get("name") == name for one in given) or not await _is_there(session, name, before):
        return manifest
    spec = {**manifest["spec"], "imagePullSecrets": [*given, {"name": name}]}
    return {**manifest, "spec": spec}


async def adopt(session: Session, application: Manifest) -> None:
    """Let a Secret that was made before its application go when that goes."""
    name = application["metadata"]["name"]
    if not _refers(application, docker.secret_name(name)):
        return
    secret = await session.server.read(_target(session, name))
    if secret is not None:
        entries = docker.registries(secret)
        manifest = docker.manifest(name, session.namespace, entries, application)
        await session.server.apply(SECRET, manifest, CREDENTIALS_MANAGER)


async def _is_there(session: Session, name: str, before: Manifest | None) -> bool:
    if before is not None:
        return _refers(before, name)
    try:
        return await session.server.read(Target(SECRET, session.namespace, name)) is not None
    except ForbiddenError:
        return False  # then nobody here has made one


def _refers(application: Manifest, name: str) -> bool:
    references = application["spec"].get("imagePullSecrets", ())
    return any(one["name"] == name for one in references)


def _target(session: Session, application: str) -> Target:
    return Target(SECRET, session.namespace, docker.secret_name(application))
