"""Which rights the operator and the user lack, as the API server says.

Called by `checkup`. What the operator needs is written down with the operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cloudflow_cli.kube.kinds import APPLICATION, OWN_REVIEW, REVIEW
from cloudflow_operator.names import GROUP
from cloudflow_operator.rights import APPLICATIONS, OWN, Rule

if TYPE_CHECKING:
    from cloudflow_cli.kube.operators import Operator
    from cloudflow_cli.kube.session import Session
    from cloudflow_operator.interfaces import Kind

_AT_ONCE: Final = 10

USERS: Final = (
    Rule(
        GROUP,
        (APPLICATION.plural,),
        ("get", "list", "create", "patch", "delete"),
        "list, status, deploy, undeploy",
    ),
    Rule("", ("pods",), ("get", "list"), "status, logs, deploy --wait"),
    Rule("", ("pods/log",), ("get",), "logs"),
    Rule("", ("secrets",), ("get", "create", "patch"), "deploy with secret parameters"),
    Rule("", ("persistentvolumeclaims",), ("get", "list"), "deploy with volume mounts"),
)
"""What the commands do in a namespace, as who calls them."""


async def missing_of_user(session: Session) -> Sequence[str]:
    """What the user may not do in the session's namespace, of all that commands do."""
    return await _refused(session, OWN_REVIEW, {}, [*_questions(USERS, session.namespace)])


async def missing_of_operator(session: Session, operator: Operator, account: str) -> Sequence[str]:
    """What the operator may not do with that ServiceAccount, of all that it does."""
    namespace = operator.namespace
    who = {
        "user": f"system:serviceaccount:{namespace}:{account}",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"],
    }
    places: Sequence[str | None] = operator.watches or (None,)
    asked = [*_questions(OWN, namespace)]
    asked += [one for place in places for one in _questions(APPLICATIONS, place)]
    return await _refused(session, REVIEW, who, asked)


def _questions(rules: Sequence[Rule], namespace: str | None) -> Iterator[dict[str, str]]:
    """Each right of the rules as access reviews ask for it; no namespace means all of them."""
    for rule in rules:
        for resource in rule.resources:
            plural, _, part = resource.partition("/")
            for verb in rule.verbs:
                asked = {
                    "group": rule.group,
                    "resource": plural,
                    "subresource": part,
                    "verb": verb,
                    "namespace": namespace or "",
                    "name": next(iter(rule.only), ""),
                }
                yield {key: value for key, value in asked.items() if value}


async def _refused(
    session: Session, kind: Kind, who: Mapping[str, Any], asked: Sequence[dict[str, str]]
) -> Sequence[str]:
    """What is not allowed, each once, as people say it."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def is_allowed(attributes: dict[str, str]) -> bool:
        async with at_once:
            spec = {**who, "resourceAttributes": attributes}
            return bool((await session.server.reviewed(kind, spec)).get("allowed"))

    answers = await asyncio.gather(*map(is_allowed, asked))
    refused = [_told(one) for one, allowed in zip(asked, answers, strict=True) if not allowed]
    return list(dict.fromkeys(refused))


def _told(attributes: Mapping[str, str]) -> str:
    part = f"/{attributes['subresource']}" if "subresource" in attributes else ""
    return f"{attributes['verb']} {attributes['resource']}{part}"
