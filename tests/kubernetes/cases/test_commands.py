"""What the command line says of an application that does not fit, does not run, or goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_operator.api.v1alpha1 import GROUP
from support.applications import NAME, MetricsIngress, a_streamlet, a_topic
from support.case import condition, message_of, until_gone, until_running
from support.kube import document
from support.kube_server import an_operator
from support.pod_states import crashing, running, waiting

if TYPE_CHECKING:
    from support.case import Case
    from support.kube import Document


async def test_acc_10_a_kafka_cluster_that_is_not_there_is_named(case: Case) -> None:
    spec: dict[str, Any] = {
        "streamlets": [a_streamlet("ingress", MetricsIngress)],
        "topics": [a_topic("raw", ("ingress.out",), cluster="nowhere")],
    }
    refused = await case.run(f"deploy {case.file(**spec)}")
    assert refused.status == Exit.PROBLEMS
    assert "nowhere" in refused.err
    one = await case.apply(**spec)
    found = await one.until(message_of, "the status to tell")
    assert condition(found, "ConfigurationValid")["status"] == "False"
    assert "nowhere" in condition(found, "ConfigurationValid")["message"]
    assert found["status"]["phase"] == "Error"


async def test_acc_12_undeploy_leaves_topics_and_nothing_else(case: Case) -> None:
    one = await case.deploy("cloudflow.streamlets.validation.config-parameters.token=hush")
    await until_running(one)
    ended = await case.done(f"undeploy {NAME} --wait -o json")
    assert (ended.data["gone"], ended.data["deletedTopics"]) == (True, [])
    for child in (await one.children()).values():
        await until_gone(case.kube, child)
    await until_gone(case.kube, document("v1", "Secret", f"{NAME}-parameters", case.namespace))
    assert not await case.pods_of_streamlets()
    assert all((await case.topics(one, "raw", "good")).values())


async def test_acc_16_status_says_why_pods_do_not_run(case: Case) -> None:
    case.pods.say("ingress", waiting("ErrImagePull", "no such image"))
    case.pods.say("validation", crashing("ValueError: no floor", restarts=7))
    failed = await case.run(f"deploy {case.file()} --wait")
    assert failed.status == Exit.FAILED
    assert "ErrImagePull" in failed.err or "CrashLoopBackOff" in failed.err
    one = await case.installed()
    await one.until(
        lambda found: (
            condition(found, "Ready").get("reason") == "CrashLoopBackOff"
            and "ErrImagePull" in condition(found, "Ready")["message"]
        ),
        "the status to tell of both",
    )
    shown = await case.done(f"status {NAME}")
    for word in ("ErrImagePull", "no such image", "CrashLoopBackOff", "ValueError: no floor"):
        assert word in shown.out
    data = {
        each["name"]: each
        for each in (await case.done(f"status {NAME} -o json")).data["streamlets"]
    }
    assert data["validation"]["restarts"] == 7
    case.pods.say("ingress", running())
    case.pods.say("validation", running())
    await case.done(f"deploy {case.file()} --wait")


@pytest.fixture
async def user(case: Case) -> Case:
    """One who may do anything with applications here, and cannot see the operator."""
    theirs = await case.kube.account(case.namespace, "user", case.folder)
    version = "rbac.authorization.k8s.io/v1"
    rules = [
        {"apiGroups": [GROUP], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["*"]},
    ]
    subject = {"kind": "ServiceAccount", "name": "user", "namespace": case.namespace}
    reference = {"apiGroup": version.partition("/")[0], "kind": "Role", "name": "user"}
    more: list[Document] = [
        document(version, "Role", "user", case.namespace, rules=rules),
        document(
            version,
            "RoleBinding",
            "user",
            case.namespace,
            roleRef=reference,
            subjects=[subject],
        ),
    ]
    for one in more:
        await case.kube.create(one)
    return case.asking_as(theirs)


async def test_acc_17_operators_that_do_not_fit_are_told_apart(case: Case, user: Case) -> None:
    words = f"deploy {case.file()}"

    async def said(who: Case) -> str:
        ended = await who.run(words)
        assert ended.status == Exit.FAILED
        return ended.err

    assert "No operator" in await said(user)
    own = an_operator(case.namespace, watches=json.dumps([case.namespace]))
    await case.kube.apply(own)
    assert "2 operators watch the namespace" in await said(case)
    for contracts, told in (("[0]", "too old"), ("[2]", "too new")):
        await case.kube.merge(own, {"data": {"contracts": contracts}})
        assert f"The operator is {told}" in await said(user)
    assert not await case.kube.listed(
        "cloudflow.dev/v1alpha1", "CloudflowApplication", case.namespace
    )
