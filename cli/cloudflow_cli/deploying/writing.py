"""Puts an application on a cluster: looks, judges, and only then writes.

Called by `deploy` and `plan`. All problems are found before anything is written; the server itself
says what the application would be, by a dry run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudflow_cli.application_resource import secret_key, secret_name
from cloudflow_cli.deploying import credentials, secret_values
from cloudflow_cli.deploying.changes import changes
from cloudflow_cli.deploying.checks import Ground, problems, warnings
from cloudflow_cli.deploying.looking import (
    autoscalers,
    claims,
    kafka_clusters,
    others,
    read_application,
    stored_secrets,
)
from cloudflow_cli.errors import DocumentError
from cloudflow_cli.kube import applications, operators
from cloudflow_cli.kube.errors import RefusedByServerError
from cloudflow_cli.kube.kinds import SECRET
from cloudflow_operator.names import DEPLOY_MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloudflow_cli.application_resource import Manifest
    from cloudflow_cli.deploying.changes import Changes
    from cloudflow_cli.deploying.source import Asked, Made, Source
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.api.v1alpha1 import Application
    from streamlet_sdk.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is going to be written, without problems.

    Attributes:
        manifest: the resource, complete.
        before: the application that is there; None when it is not.
        after: what the server says that it would be.
        secrets: all values that its Secret has to hold; None leaves the Secret as it is.
        changes: what becomes of it.
        warnings: what is legal and probably not meant.
    """

    manifest: Manifest
    before: Manifest | None
    after: Manifest
    secrets: Mapping[str, str] | None
    changes: Changes
    warnings: Sequence[Problem]


async def prepare(session: Session, source: Source, asked: Asked, *, reset: bool) -> Prepared:
    """Look at the cluster, and find out what a deployment would do there. Writes nothing.

    Raises:
        DocumentError: with every problem of the resource on this cluster.
        ConfigurationError: with every problem of what is asked.
        OperatorError: when there is not one operator for it that knows the image's SDK.
        RefusedByServerError: when the application is on its way out.
    """
    before = await applications.find(session, source.name)
    if before is not None and "deletionTimestamp" in before["metadata"]:
        hint = "Deploy again when it is gone: kubectl cloudflow list"
        raise RefusedByServerError(f"The application {source.name!r} is being removed.", hint=hint)
    there = None if before is None else read_application(before)
    made = source.made(asked, _given(there))
    contract = made.manifest["spec"]["sdk"]["contract"]
    operator = await operators.responsible(session, contract)
    clusters = kafka_clusters(operator)
    stored = await stored_secrets(session, source.name, is_needed=bool(made.secrets))
    manifest, secrets = _with_secrets(made, before, stored)
    manifest = await credentials.with_pull_secret(session, _placed(manifest, session), before)
    expected = _expected(manifest, before, reset=reset)
    ground = Ground(
        clusters=clusters,
        claims=await claims(session, expected),
        autoscalers=await autoscalers(session, expected),
        before=there,
        others=await others(session, expected, clusters),
        secret_keys=None if stored is None else {*stored, *(secrets or ())},
    )
    if found := problems(expected, ground):
        raise DocumentError(source.path, dict.fromkeys(found))
    after = await applications.apply(session, manifest, dry_run=True)
    if reset:
        after["spec"].pop("overrides", None)
    would_be = read_application(after)
    return Prepared(
        manifest=manifest,
        before=before,
        after=after,
        secrets=secrets,
        changes=changes(there, would_be, clusters),
        warnings=[*source.warnings, *warnings(would_be, ground)],
    )


async def write(session: Session, prepared: Prepared, *, reset: bool) -> Manifest:
    """Write what was prepared; the application as the server keeps it.

    A value is there before an application that is there already refers to it. What is new has to
    be there first, so that its Secret goes when it goes; its pods wait for the Secret.
    """
    if prepared.before is not None and prepared.secrets is not None:
        await _write_secret(session, prepared.before, prepared.secrets)
    written = await applications.apply(session, prepared.manifest)
    if prepared.before is None:
        if prepared.secrets is not None:
            await _write_secret(session, written, prepared.secrets)
        await credentials.adopt(session, written)
    elif reset and prepared.before["spec"].get("overrides"):
        written = await applications.apply_overrides(session, written, [])
    return written


async def _write_secret(session: Session, application: Manifest, values: Mapping[str, str]) -> None:
    manifest = secret_values.manifest(application, values)
    await session.server.apply(SECRET, manifest, DEPLOY_MANAGER)


def _given(there: Application | None) -> dict[str, set[str]]:
    """Parameters that have a value on the cluster which a deployment keeps."""
    found: dict[str, set[str]] = {}
    if there is None:
        return found
    for one in there.spec.overrides:
        found.setdefault(one.name, set()).update(each.name for each in one.parameters)
    for streamlet, parameter, _ in _references(there):
        found.setdefault(streamlet, set()).add(parameter)
    return found


def _references(there: Application) -> Iterator[tuple[str, str, str]]:
    entries = [
        one.model_dump(by_alias=True, include={"name", "parameters"})
        for one in there.spec.streamlets
    ]
    return secret_values.references(entries, secret_name(there.metadata.name))


def _with_secrets(
    made: Made, before: Manifest | None, stored: Mapping[str, str] | None
) -> tuple[Manifest, dict[str, str] | None]:
    """The resource with the keys that its secrets are at, and all that its Secret has to hold."""
    name, spec = made.manifest["metadata"]["name"], made.manifest["spec"]
    secret = secret_name(name)
    live = [] if before is None else before["spec"].get("streamlets", [])
    kept = {
        (streamlet, parameter): key
        for streamlet, parameter, key in secret_values.references(live, secret)
        if secret_key(streamlet, parameter) not in made.secrets
    }
    keys = secret_values.keys(made.secrets, stored or {})
    moved = keys | {secret_key(*where): key for where, key in kept.items()}
    streamlets = secret_values.renamed(spec.get("streamlets", ()), secret, moved)
    streamlets = secret_values.with_kept(streamlets, made.manifest, secret, kept)
    manifest = {**made.manifest, "spec": {**spec, "streamlets": streamlets}}
    if not made.secrets:
        return manifest, None
    wanted = {key for _, _, key in secret_values.references([*streamlets, *live], secret)}
    values = secret_values.kept(stored or {}, wanted)
    return manifest, values | {keys[key]: text for key, text in made.secrets.items()}


def _placed(manifest: Manifest, session: Session) -> Manifest:
    metadata = {**manifest["metadata"], "namespace": session.namespace}
    return {**manifest, "metadata": metadata}


def _expected(manifest: Manifest, before: Manifest | None, *, reset: bool) -> Application:
    """The application as it will be, as far as that can be known without the server."""
    there: dict[str, Any] = before or {"metadata": {}, "spec": {}}
    spec = dict(manifest["spec"])
    if not reset and "overrides" in there["spec"]:
        spec["overrides"] = there["spec"]["overrides"]
    metadata = {**there["metadata"], **manifest["metadata"]}
    return read_application({**there, **manifest, "metadata": metadata, "spec": spec})
