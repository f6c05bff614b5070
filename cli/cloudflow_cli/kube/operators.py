"""The operators of a cluster, by what each says of itself in a ConfigMap.

Called by the commands that need one, before they write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.kube.errors import (
    DeniedError,
    NewOperatorError,
    NoOperatorError,
    OldOperatorError,
    SeveralOperatorsError,
)
from cloudflow_cli.kube.session import Session, Target
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import CONFIG_MAP
from cloudflow_operator.names import ABOUT, OPERATOR_NAMESPACE, PROGRAM

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Manifest

_SELECTOR: Final = f"{PROGRAM}={ABOUT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaClusterFacts:
    """What an operator tells of a named Kafka cluster; None is what it does not tell.

    Attributes:
        prefix: of the names of topics in Kafka.
        partitions: of a topic that does not say how many.
        replication_factor: of a topic that does not say which.
    """

    prefix: str = ""
    partitions: int | None = None
    replication_factor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator.

    Attributes:
        namespace: that it runs in.
        contracts: with pods, that it can render.
        watches: the namespaces whose applications it runs; empty is all.
        clusters: the Kafka clusters that applications may name.
    """

    namespace: str
    version: str = ""
    contracts: tuple[int, ...] = ()
    watches: tuple[str, ...] = ()
    clusters: Mapping[str, KafkaClusterFacts] = field(default_factory=dict)

    def is_for(self, namespace: str) -> bool:
        """Whether it acts on applications of that namespace."""
        return not self.watches or namespace in self.watches


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """The operators that the user may see.

    Attributes:
        is_complete: whether there are no others.
    """

    seen: Sequence[Operator]
    is_complete: bool


async def seen(session: Session) -> Operators:
    """Every operator of the cluster; or, when the user may not look everywhere, the likely ones.

    Those are the ones in the operator's usual namespace and in the session's.
    """
    try:
        listed = await session.server.listed(CONFIG_MAP, None, _SELECTOR)
    except (ForbiddenError, DeniedError):
        likely = dict.fromkeys((OPERATOR_NAMESPACE, session.namespace))
        found = [await _read(session, namespace) for namespace in likely]
        return Operators(seen=[_operator(one) for one in found if one], is_complete=False)
    named = [one for one in listed if one["metadata"]["name"] == ABOUT]
    return Operators(seen=[_operator(one) for one in named], is_complete=True)


async def responsible(session: Session, contract: int) -> Operator:
    """The operator that acts on the session's namespace and can render `contract`.

    Raises:
        NoOperatorError: when there is none, or none that the user may see.
        SeveralOperatorsError: when two would act on the same applications.
        OldOperatorError: when it does not know the contract yet.
        NewOperatorError: when it does not know the contract any more.
    """
    return fitting(only(await seen(session), session.namespace), contract)


def only(operators: Operators, namespace: str) -> Operator:
    """The one operator for `namespace`.

    Raises:
        NoOperatorError: when there is none, or none that the user may see.
        SeveralOperatorsError: when two would act on the same applications.
    """
    found = [one for one in operators.seen if one.is_for(namespace)]
    match found:
        case [one]:
            return one
        case []:
            raise _none(operators, namespace)
        case _:
            places = ", ".join(sorted(one.namespace for one in found))
            raise SeveralOperatorsError(
                f"{len(found)} operators watch the namespace {namespace!r}: those in {places}.",
                hint="Uninstall all but one, or give each its own namespaces to watch.",
            )


def fitting(operator: Operator, contract: int) -> Operator:
    """`operator`, which can run what was built with `contract`.

    Raises:
        OldOperatorError: when it does not know the contract yet.
        NewOperatorError: when it does not know the contract any more.
    """
    if contract in operator.contracts:
        return operator
    known = ", ".join(map(str, operator.contracts)) or "none"
    told = (
        f"The application was built with contract {contract}; the operator {operator.version} in "
        f"namespace {operator.namespace!r} knows {known}."
    )
    if contract > max(operator.contracts, default=0):
        raise OldOperatorError(
            f"The operator is too old. {told}",
            hint="Upgrade the operator, or build the application with an older SDK.",
        )
    raise NewOperatorError(
        f"The operator is too new. {told}",
        hint="Build the application with a newer SDK, and upgrade the command line.",
    )


def _none(operators: Operators, namespace: str) -> NoOperatorError:
    if not operators.is_complete:
        return NoOperatorError(
            f"No operator for the namespace {namespace!r} can be seen: there is none in "
            f"{OPERATOR_NAMESPACE!r} and {namespace!r}, and other namespaces may not be looked at.",
            hint=f"Install it, or ask for the right to get the ConfigMap {ABOUT} where it is.",
        )
    if not operators.seen:
        return NoOperatorError(
            "There is no operator on this cluster.",
            hint="Install it; until then nothing becomes of an application.",
        )
    watched = sorted({name for one in operators.seen for name in one.watches})
    return NoOperatorError(
        f"No operator watches the namespace {namespace!r}; those that are there watch "
        f"{', '.join(watched)}.",
        hint="Deploy to one of these, or let an operator watch this one too.",
    )


async def _read(session: Session, namespace: str) -> Manifest | None:
    try:
        return await session.server.read(Target(CONFIG_MAP, namespace, ABOUT))
    except (ForbiddenError, DeniedError):
        return None


def _operator(config_map: Manifest) -> Operator:
    data = config_map.get("data") or {}
    clusters = _read_json(data.get("clusters"), dict)
    return Operator(
        namespace=config_map["metadata"]["namespace"],
        version=str(data.get("version", "")),
        contracts=tuple(one for one in _read_json(data.get("contracts"), list) if type(one) is int),
        watches=tuple(map(str, _read_json(data.get("watches"), list))),
        clusters={name: _facts(one) for name, one in clusters.items() if isinstance(one, dict)},
    )


def _facts(told: Mapping[str, Any]) -> KafkaClusterFacts:
    partitions, factor = told.get("partitions"), told.get("replicationFactor")
    return KafkaClusterFacts(
        prefix=str(told.get("prefix") or ""),
        partitions=partitions if isinstance(partitions, int) else None,
        replication_factor=factor if isinstance(factor, int) else None,
    )


def _read_json(text: str | None, kind: type[Any]) -> Any:
    """What the text says; nothing where it is not of that kind, as after a hand's edit."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        found = None
    return found if isinstance(found, kind) else kind()
