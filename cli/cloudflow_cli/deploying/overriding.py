"""Writes what is set over the specification of an application: `scale` and `configure`.

Everything that is set is written as one list, by one manager, with the version of the resource that
it was made of: of two who write at the same time one looks again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudflow_cli.application_resource import secret_name
from cloudflow_cli.deploying import overrides, secret_values
from cloudflow_cli.deploying.changes import changes
from cloudflow_cli.deploying.checks import Ground, problems, warnings
from cloudflow_cli.deploying.configuration import secrets_of
from cloudflow_cli.deploying.described import described
from cloudflow_cli.deploying.looking import (
    autoscalers,
    claims,
    kafka_clusters,
    read_application,
    stored_secrets,
)
from cloudflow_cli.deploying.overlay import overlay
from cloudflow_cli.deploying.problems import NoSuchStreamlet, TopicsAreNoOverrides
from cloudflow_cli.kube import applications, operators
from cloudflow_cli.kube.kinds import APPLICATION, SECRET
from cloudflow_operator.errors import ConflictError
from cloudflow_operator.names import OVERRIDES_MANAGER
from streamlet_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_cli.application_resource import Manifest
    from cloudflow_cli.deploying.changes import Changes
    from cloudflow_cli.deploying.overrides import Difference
    from cloudflow_cli.kube.session import Session
    from streamlet_sdk.blueprint.layers import Layer
    from streamlet_sdk.problems import Problem

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """What was written.

    Attributes:
        differences: between what was set and what is set now; nothing was written without any.
        changes: what becomes of the application.
        warnings: what is legal and probably not meant.
    """

    differences: Sequence[Difference]
    changes: Changes
    warnings: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What shall be set: all entries, and new values of secrets by their key."""

    entries: Sequence[Manifest]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


_Make = Callable[["Manifest"], Awaitable[_Wanted]]


async def scale(session: Session, name: str, counts: Mapping[str, int]) -> Overridden:
    """Set how many pods streamlets have, all in one write.

    Raises:
        ConfigurationError: with every streamlet that does not exist or cannot have so many.
    """

    async def make(application: Manifest) -> _Wanted:
        known = tuple(one["name"] for one in application["spec"].get("streamlets", ()))
        unknown = [
            NoSuchStreamlet(path=f"command line: {streamlet}", name=streamlet, known=known)
            for streamlet in counts
            if streamlet not in known
        ]
        if unknown:
            raise ConfigurationError(unknown)
        added = [{"name": one, "replicas": count} for one, count in counts.items()]
        return _Wanted(overrides.merged(_entries(application), added))

    return await _override(session, name, make)


async def configure(
    session: Session, name: str, layers: Sequence[Layer], *, replace: bool
) -> Overridden:
    """Set what documents say of streamlets, over what is set already or instead of it.

    Raises:
        ConfigurationError: with every problem of the documents, and of the application with them.
    """

    async def make(application: Manifest) -> _Wanted:
        before = [] if replace else _entries(application)
        base = {**application, "spec": {**application["spec"], "overrides": before}}
        found = overlay(name, described(read_application(base)), layers)
        if found.topics:
            raise ConfigurationError(
                TopicsAreNoOverrides(path=f"cloudflow.topics.{one}", topic=one)
                for one in found.topics
            )
        own = secret_values.of_overrides(found.secrets)
        values = {own[key]: text for key, text in found.secrets.items()}
        stored = await stored_secrets(session, name, is_needed=bool(values))
        keys = secret_values.keys(values, stored or {})
        moved = {key: keys[own[key]] for key in found.secrets}
        added = secret_values.renamed(found.streamlets.values(), secret_name(name), moved)
        secrets = {keys[key]: text for key, text in values.items()}
        return _Wanted(overrides.merged(before, added), secrets)

    return await _override(session, name, make)


async def _override(session: Session, name: str, make: _Make) -> Overridden:
    for attempt in range(1, _ATTEMPTS + 1):
        application = await applications.read(session, name)
        try:
            return await _attempt(session, application, await make(application))
        except ConflictError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError


async def _attempt(session: Session, application: Manifest, wanted: _Wanted) -> Overridden:
    there = read_application(application)
    operator = await operators.responsible(session, there.spec.sdk.contract)
    clusters = kafka_clusters(operator)
    spec = {**application["spec"], "overrides": [*wanted.entries]}
    expected = read_application({**application, "spec": spec})
    ground = Ground(
        clusters=clusters,
        claims=await claims(session, expected),
        autoscalers=await autoscalers(session, expected),
        before=there,
        secret_keys=None,
    )
    if found := problems(expected, ground):
        # What is wrong already is told by the status, and may be what is being mended.
        known = {*problems(there, ground)}
        if found := [one for one in found if one not in known]:
            raise ConfigurationError(dict.fromkeys(found))
    differences = overrides.differences(_entries(application), wanted.entries, secrets_of(there))
    if differences:
        await _apply(session, application, wanted, dry_run=True)
        await _write_secrets(session, application, wanted)
        await _apply(session, application, wanted)
    return Overridden(
        differences=differences,
        changes=changes(there, expected, clusters),
        warnings=warnings(expected, ground),
    )


async def _apply(
    session: Session, application: Manifest, wanted: _Wanted, *, dry_run: bool = False
) -> None:
    keys = ("name", "namespace", "uid", "resourceVersion")
    manifest = {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.name,
        "metadata": {key: application["metadata"][key] for key in keys},
        "spec": {"overrides": [*wanted.entries]},
    }
    await session.server.apply(APPLICATION, manifest, OVERRIDES_MANAGER, dry_run=dry_run)


async def _write_secrets(session: Session, application: Manifest, wanted: _Wanted) -> None:
    """Store new values, and those that are referred to now or will be; drop the rest."""
    secret = secret_name(application["metadata"]["name"])
    entries = [*_entries(application), *wanted.entries]
    referred = {key for _, _, key in secret_values.references(entries, secret)}
    used = {key for key in referred if secret_values.is_of_overrides(key)}
    if not used:
        return
    stored = await stored_secrets(session, application["metadata"]["name"], is_needed=True)
    values = {**secret_values.kept(stored or {}, used), **wanted.secrets}
    manifest = secret_values.manifest(application, values)
    await session.server.apply(SECRET, manifest, OVERRIDES_MANAGER)


def _entries(application: Manifest) -> list[Manifest]:
    return list(application["spec"].get("overrides") or ())
