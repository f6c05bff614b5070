"""Applications on a cluster: found by name, listed, written under the managers that own the fields.

Called by the commands. What an application means is not decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.errors import NotFoundError
from cloudflow_cli.kube.errors import DeniedError
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_cli.kube.session import Row, Session, Target
from cloudflow_operator.errors import ClusterError, ForbiddenError
from cloudflow_operator.names import DEPLOY_MANAGER, OVERRIDES_MANAGER
from streamlet_sdk.problems import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudflow_operator.interfaces import Manifest

_LIST: Final = "`kubectl cloudflow list -A` shows all."


async def find(session: Session, name: str) -> Manifest | None:
    """The application of that name in the session's namespace; None when it is not there."""
    return await session.server.read(_target(session, name))


async def read(session: Session, name: str) -> Manifest:
    """The application of that name in the session's namespace.

    Raises:
        NotFoundError: when it is not there; the hint names one that was probably meant.
    """
    found = await find(session, name)
    if found is None:
        raise await not_found(session, name)
    return found


async def listed(session: Session, *, everywhere: bool = False) -> Sequence[Row]:
    """All applications of the session's namespace or of all, by namespace and name."""
    rows = await session.server.rows(APPLICATION, None if everywhere else session.namespace)
    return sorted(rows, key=lambda row: (row.metadata["namespace"], row.metadata["name"]))


async def visible(session: Session, *, everywhere: bool = True) -> tuple[Sequence[Manifest], bool]:
    """The applications that this user may see, whole; and whether these are all.

    Those of the session's namespace alone where not `everywhere`, or where more is forbidden; none
    where that is, too.
    """
    for namespace in (None, session.namespace) if everywhere else (session.namespace,):
        try:
            return await session.server.listed(APPLICATION, namespace), namespace is None
        except ForbiddenError:
            continue
    return (), False


async def apply(session: Session, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
    """Make the application what `manifest` says, but for the fields of other managers.

    A manifest without namespace goes to the session's.
    """
    metadata = {"namespace": session.namespace, **manifest["metadata"]}
    placed = {**manifest, "metadata": metadata}
    return await session.server.apply(APPLICATION, placed, DEPLOY_MANAGER, dry_run=dry_run)


async def apply_overrides(
    session: Session,
    application: Manifest,
    overrides: Sequence[Manifest],
    *,
    dry_run: bool = False,
) -> Manifest:
    """Make `overrides` all that is set over the specification of `application`.

    An application that is gone is not made again.
    """
    metadata = {key: application["metadata"][key] for key in ("name", "namespace", "uid")}
    manifest = {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.name,
        "metadata": metadata,
        "spec": {"overrides": [*overrides]},
    }
    return await session.server.apply(APPLICATION, manifest, OVERRIDES_MANAGER, dry_run=dry_run)


async def patch(
    session: Session, application: Manifest, change: Mapping[str, Any], *, dry_run: bool = False
) -> Manifest:
    """Merge `change` into the application; one that somebody made anew stays as it is."""
    metadata = {**change.get("metadata", {}), "uid": application["metadata"]["uid"]}
    target = _target(session, application["metadata"]["name"])
    return await session.server.merge(target, {**change, "metadata": metadata}, dry_run=dry_run)


async def delete(session: Session, application: Manifest) -> None:
    """Ask for the application's end."""
    metadata = application["metadata"]
    await session.server.delete(_target(session, metadata["name"]), uid=metadata["uid"])


def check_streamlets(application: Manifest, names: Sequence[str]) -> None:
    """Nothing, when the application has streamlets of all these names.

    Raises:
        NotFoundError: with those that it has not.
    """
    known = [one["name"] for one in application["spec"].get("streamlets", ())]
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    meant = sorted({found for name in unknown if (found := closest(name, known))})
    advice = f"Did you mean {', '.join(map(repr, meant))}? " if meant else ""
    raise NotFoundError(
        f"{application['metadata']['name']} has no streamlet {', '.join(map(repr, unknown))}.",
        hint=f"{advice}It has {', '.join(known) or 'none'}.",
    )


async def not_found(session: Session, name: str) -> NotFoundError:
    """That there is no such application here; and where it is, or what was meant."""
    sentence = f"There is no application {name!r} in namespace {session.namespace!r}."
    try:
        elsewhere = await listed(session, everywhere=True)
    except (ClusterError, DeniedError):
        try:
            elsewhere = await listed(session)
        except (ClusterError, DeniedError):
            elsewhere = ()
    return NotFoundError(sentence, hint=_meant(session, name, elsewhere))


def _meant(session: Session, name: str, rows: Sequence[Row]) -> str:
    places = [row.metadata["namespace"] for row in rows if row.metadata["name"] == name]
    if places:
        return f"There is one in namespace {places[0]!r}: add -n {places[0]}."
    here = [row.metadata["name"] for row in rows if row.metadata["namespace"] == session.namespace]
    meant = closest(name, here)
    return _LIST if meant is None else f"Did you mean {meant!r}? {_LIST}"


def _target(session: Session, name: str) -> Target:
    return Target(APPLICATION, session.namespace, name)
