"""Looks at everything that an application needs of a cluster, one thing after the other.

Called by `doctor`. Nothing is written. What may not be looked at is told as that, not as a fault.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.kube import operators, rights
from cloudflow_cli.kube.errors import DeniedError, NoOperatorError, OperatorError, UnknownKindError
from cloudflow_cli.kube.kinds import APPLICATION, DEFINITION, LEASE
from cloudflow_cli.kube.session import Session, Target
from cloudflow_operator.conditions import some_of
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import POD
from cloudflow_operator.names import ABOUT
from streamlet_sdk.contract import CONTRACT

if TYPE_CHECKING:
    from cloudflow_cli.kube.operators import Operator
    from cloudflow_operator.interfaces import Manifest

_INSTALL: Final = "Install Cloudflow's operator; its resource definition comes with it."
_PERIOD: Final = 1.0  # seconds between two looks at a Lease


class Verdict(StrEnum):
    """How one thing is."""

    OK = "ok"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: was looked at.
        told: how it is, one sentence.
        remedy: what to do about it; empty when nothing has to be done.
    """

    what: str
    verdict: Verdict
    told: str
    remedy: str = ""


async def checkup(session: Session) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known."""
    yield await _definition(session)
    seen = await operators.seen(session)
    try:
        operator = operators.only(seen, session.namespace)
    except OperatorError as error:
        unsure = isinstance(error, NoOperatorError) and not seen.is_complete
        verdict = Verdict.UNKNOWN if unsure else Verdict.FAULT
        yield Finding("operator", verdict, str(error), error.hint or "")
    else:
        yield _fitting(operator)
        lease = await _looked(session.server.read(Target(LEASE, operator.namespace, ABOUT)))
        yield await _leading(session, lease)
        yield await _rights_of_operator(session, operator, lease)
        yield _kafka(operator)
    yield await _own_rights(session)


async def _definition(session: Session) -> Finding:
    what = "resource"
    try:
        await session.server.rows(APPLICATION, session.namespace)
    except UnknownKindError as error:
        return Finding(what, Verdict.FAULT, str(error), _INSTALL)
    except (ForbiddenError, DeniedError) as error:
        return Finding(what, Verdict.UNKNOWN, f"applications may not be listed: {error}")
    name = f"{APPLICATION.plural}.{APPLICATION.api_version.partition('/')[0]}"
    found = await _looked(session.server.read(Target(DEFINITION, None, name)))
    if found is None:
        told = f"{APPLICATION.api_version} is served; its definition may not be looked at."
        return Finding(what, Verdict.OK, told)
    if missing := sorted(set(_fields()) - set(_fields_of(found))):
        told = f"the installed definition lacks {', '.join(missing[:3])}, which this version knows."
        remedy = "Upgrade the chart, or apply the definition of the operator's version."
        return Finding(what, Verdict.FAULT, told, remedy)
    return Finding(what, Verdict.OK, f"{APPLICATION.api_version} is served and up to date.")


def _fitting(operator: Operator) -> Finding:
    try:
        operators.fitting(operator, CONTRACT)
    except OperatorError as error:
        return Finding("operator", Verdict.FAULT, str(error), error.hint or "")
    watched = ", ".join(operator.watches) or "all namespaces"
    told = f"{operator.version} in namespace {operator.namespace}, watches {watched}."
    return Finding("operator", Verdict.OK, told)


async def _leading(session: Session, lease: Manifest | None) -> Finding:
    what = "leader"
    if lease is None:
        told = f"there is no Lease {ABOUT} that may be looked at."
        return Finding(what, Verdict.UNKNOWN, told)
    holder = lease["spec"].get("holderIdentity")
    if not holder:
        return Finding(what, Verdict.FAULT, "no operator is the leader.", _see_pods(lease))
    if _is_fresh(lease) or await _is_renewed(session, lease):
        return Finding(what, Verdict.OK, f"{holder} is at work.")
    told = f"{holder} does not renew its Lease since {lease['spec'].get('renewTime')}."
    return Finding(what, Verdict.FAULT, told, _see_pods(lease))


def _see_pods(lease: Manifest) -> str:
    return f"See why it does not run: kubectl get pods -n {lease['metadata']['namespace']}"


def _is_fresh(lease: Manifest) -> bool:
    try:
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
    except (KeyError, ValueError):
        return False
    return abs((datetime.now(UTC) - renewed).total_seconds()) <= _duration(lease)


async def _is_renewed(session: Session, lease: Manifest) -> bool:
    """Whether it is renewed while we look: clocks may differ."""
    metadata = lease["metadata"]
    target = Target(LEASE, metadata["namespace"], metadata["name"])
    for _ in range(int(_duration(lease) / _PERIOD)):
        await sleep(_PERIOD)
        found = await _looked(session.server.read(target))
        if found is not None and found["spec"].get("renewTime") != lease["spec"].get("renewTime"):
            return True
    return False


def _duration(lease: Manifest) -> float:
    return float(lease["spec"].get("leaseDurationSeconds", 15))


async def _rights_of_operator(
    session: Session, operator: Operator, lease: Manifest | None
) -> Finding:
    what = "operator's rights"
    account = await _account(session, lease) or ABOUT
    try:
        missing = await rights.missing_of_operator(session, operator, account)
    except (ForbiddenError, DeniedError):
        return Finding(what, Verdict.UNKNOWN, "you may not ask for the rights of others.")
    who = f"the ServiceAccount {operator.namespace}/{account}"
    if missing:
        told = f"{who} may not {some_of(missing)}."
        return Finding(what, Verdict.FAULT, told, "Apply the roles of the operator's version.")
    return Finding(what, Verdict.OK, f"{who} may do all that it needs.")


async def _own_rights(session: Session) -> Finding:
    what, place = "your rights", f"in namespace {session.namespace} you may"
    if missing := await rights.missing_of_user(session):
        told = f"{place} not {some_of(missing)}."
        remedy = "Commands that need it will be refused; ask an administrator for a role."
        return Finding(what, Verdict.FAULT, told, remedy)
    return Finding(what, Verdict.OK, f"{place} use every command.")


def _kafka(operator: Operator) -> Finding:
    what, names = "Kafka clusters", sorted(operator.clusters)
    if "default" in names:
        return Finding(what, Verdict.OK, f"{', '.join(names)}.")
    told = f"none is named default, only {', '.join(names)}." if names else "there are none."
    remedy = (
        f"Make a Secret with the label cloudflow.dev/kafka-cluster: default in namespace "
        f"{operator.namespace}; topics that name no cluster are there."
    )
    return Finding(what, Verdict.FAULT, told, remedy)


async def _account(session: Session, lease: Manifest | None) -> str | None:
    """The ServiceAccount of the leader's pod."""
    if lease is None or not (holder := lease["spec"].get("holderIdentity")):
        return None
    pod = await _looked(session.server.read(Target(POD, lease["metadata"]["namespace"], holder)))
    return None if pod is None else pod["spec"].get("serviceAccountName")


async def _looked(looking: Awaitable[Manifest | None]) -> Manifest | None:
    """What is there; None also when it may not be looked at."""
    try:
        return await looking
    except (ForbiddenError, DeniedError):
        return None


def _fields() -> Iterator[str]:
    """Every field of the resource that this version knows."""
    from cloudflow_operator.api.schema import definition

    return _fields_of(definition())


def _fields_of(definition: Manifest) -> Iterator[str]:
    name = APPLICATION.api_version.partition("/")[2]
    for version in definition["spec"]["versions"]:
        if version["name"] == name:
            yield from _paths(version["schema"]["openAPIV3Schema"], "")


def _paths(node: dict[str, Any], path: str) -> Iterator[str]:
    for name, field in node.get("properties", {}).items():
        here = f"{path}.{name}".removeprefix(".")
        yield here
        yield from _paths(field.get("items", field), here)
