"""The commands that look and steer, as a plug-in of the real kubectl, on a real API server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_operator.api.v1alpha1 import API_VERSION
from cloudflow_operator.names import FINALIZER, RESTARTED_AT, restart_of
from support.kube import document, eventually
from support.kube_server import an_application, an_operator
from testbed import kubeconfig
from testbed.ports import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from support.command import Shell
    from support.kube import Document, Kube

STATUS: Document = {"observedGeneration": 1, "phase": "Running", "ready": "3/3"}


@pytest.fixture
async def application(shell: Shell, kube: Kube, namespace: str) -> Document:
    """One that an operator runs."""
    del shell  # it has installed the resource
    made = await kube.create(an_application(namespace=namespace))
    metrics = {"name": "metrics", "kafkaName": f"{namespace}.metrics", "state": "Ready"}
    topics = [{**metrics, "created": True}]
    return await kube.merge(made, {"status": {**STATUS, "topics": topics}}, "status")


async def test_kubectl_finds_the_plug_in(
    shell: Shell, application: Document, namespace: str
) -> None:
    listed = await shell(f"kubectl cloudflow list -n {namespace} -o json")
    assert (listed.status, listed.err) == (Exit.DONE, "")
    [found] = listed.data["applications"]
    assert (found["name"], found["phase"], found["ready"]) == ("sensor-data", "Running", "3/3")
    assert found["created"] == application["metadata"]["creationTimestamp"]
    everywhere = await shell("kubectl cloudflow list -A")
    assert namespace in everywhere.out


@pytest.mark.usefixtures("application")
async def test_the_namespace_is_the_contexts_unless_it_is_named(
    shell: Shell, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    elsewhere = await shell("kubectl cloudflow status sensor-data")
    assert elsewhere.status == Exit.NOT_FOUND
    assert "There is one in namespace 'test-" in elsewhere.err
    found = json.loads(kube.kubeconfig.read_text())
    found["contexts"].append({**found["contexts"][0], "name": "mine"})
    found["contexts"][1]["context"] = {**found["contexts"][0]["context"], "namespace": namespace}
    mine = shell.as_whom(kubeconfig.write(tmp_path / "two-contexts", found))
    assert (await mine("kubectl cloudflow status sensor-data")).status == Exit.NOT_FOUND
    shown = await mine("kubectl cloudflow status sensor-data --context mine -o json")
    assert (shown.data["name"], shown.data["phase"]) == ("sensor-data", "Running")


async def test_pause_and_resume_are_one_field(
    shell: Shell, kube: Kube, application: Document, namespace: str
) -> None:
    assert (await shell(f"kubectl cloudflow pause sensor-data -n {namespace}")).status == 0
    assert (await kube.read(application))["spec"]["state"] == "Paused"
    assert (await shell(f"kubectl cloudflow resume sensor-data -n {namespace}")).status == 0
    assert (await kube.read(application))["spec"] == application["spec"]


async def test_restarts_survive_what_git_applies(
    shell: Shell, kube: Kube, application: Document, namespace: str
) -> None:
    git = an_application(namespace=namespace)
    await kube.apply(git, "git")
    await shell(f"kubectl cloudflow restart sensor-data -n {namespace}")
    await shell(f"kubectl cloudflow restart sensor-data validation -n {namespace}")
    await kube.apply(git, "git")
    found = (await kube.read(application))["metadata"]["annotations"]
    assert {RESTARTED_AT, restart_of("validation")} <= found.keys()


async def test_acc_12_undeploy_leaves_topics_unless_they_are_asked_for(
    shell: Shell, kube: Kube, application: Document, namespace: str
) -> None:
    ended = await shell(f"kubectl cloudflow undeploy sensor-data -n {namespace} --wait")
    assert (ended.status, ended.err) == (Exit.DONE, "")
    assert f"Kept: the topics {namespace}.metrics." in ended.out
    assert await kube.find(application) is None


async def test_topics_go_once_the_operator_holds_the_application(
    shell: Shell, kube: Kube, application: Document, namespace: str
) -> None:
    words = f"undeploy sensor-data -n {namespace} --delete-topics --yes --wait"
    process = await shell.start(f"kubectl cloudflow {words}")

    async def asked() -> bool:
        return (await kube.read(application))["spec"].get("deletionPolicy") == "Delete"

    async def deleted() -> bool:
        return "deletionTimestamp" in (await kube.read(application))["metadata"]

    await eventually(asked, "the policy to be written")
    await kube.merge(application, {"metadata": {"finalizers": [FINALIZER]}})
    await eventually(deleted, "the application's end to be asked for")
    assert process.returncode is None
    await kube.merge(application, {"metadata": {"finalizers": None}})
    out, err = await process.communicate()
    assert (process.returncode, err) == (Exit.DONE, b"")
    assert f"Deleted: the topics {namespace}.metrics.".encode() in out


async def test_undeploy_force_needs_no_operator(
    shell: Shell, kube: Kube, application: Document, namespace: str
) -> None:
    await kube.merge(application, {"metadata": {"finalizers": [FINALIZER]}})
    ended = await shell(f"kubectl cloudflow undeploy sensor-data -n {namespace} --force --wait")
    assert ended.status == Exit.DONE, ended.err
    assert await kube.find(application) is None


def a_role(namespace: str, *rules: dict[str, Any]) -> list[Document]:
    version = "rbac.authorization.k8s.io/v1"
    subject = {"kind": "ServiceAccount", "name": "user", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "user"}
    return [
        document(version, "Role", "user", namespace, rules=list(rules)),
        document(version, "RoleBinding", "user", namespace, roleRef=reference, subjects=[subject]),
    ]


@pytest.fixture
async def user(
    shell: Shell, kube: Kube, application: Document, namespace: str, tmp_path: Path
) -> Shell:
    """One who may look at applications and ConfigMaps of the namespace, and nothing else."""
    del application
    theirs = await kube.account(namespace, "user", tmp_path)
    looking = {"verbs": ["get", "list"]}
    group = API_VERSION.partition("/")[0]
    rules = (
        {"apiGroups": [group], "resources": ["*"], **looking},
        {"apiGroups": [""], "resources": ["configmaps"], **looking},
    )
    for one in a_role(namespace, *rules):
        await kube.create(one)
    return shell.as_whom(theirs)


async def test_who_may_only_look_is_told_what_is_not_allowed(user: Shell) -> None:
    assert (await user("kubectl cloudflow status sensor-data")).status == Exit.DONE
    refused = await user("kubectl cloudflow pause sensor-data")
    assert refused.status == Exit.FAILED
    assert "cannot patch resource" in refused.err
    assert "Ask an administrator" in refused.err
    assert (await user("kubectl cloudflow list -A")).status == Exit.FAILED


async def test_who_may_not_look_everywhere_sees_the_operator_of_the_own_namespace(
    user: Shell, kube: Kube, namespace: str
) -> None:
    nobody = await user("kubectl cloudflow version -o json")
    assert nobody.data["operators"] == []
    assert "other namespaces may not be looked at" in nobody.data["problem"]
    await kube.create(an_operator(namespace, watches=json.dumps([namespace])))
    somebody = await user("kubectl cloudflow version -o json")
    assert [one["namespace"] for one in somebody.data["operators"]] == [namespace]
    assert somebody.data["fits"] is True


async def test_doctor_names_rights_that_are_missing(
    user: Shell, kube: Kube, namespace: str
) -> None:
    await kube.create(an_operator(namespace, watches=json.dumps([namespace]), clusters="{}"))
    ended = await user("kubectl cloudflow doctor -o json")
    found = {one["what"]: one for one in ended.data["findings"]}
    assert ended.status == Exit.FAILED
    assert found["resource"]["verdict"] == found["operator"]["verdict"] == "ok"
    assert found["leader"]["verdict"] == found["operator's rights"]["verdict"] == "unknown"
    assert found["Kafka clusters"]["verdict"] == "fault"
    assert "you may not create cloudflowapplications" in found["your rights"]["told"]


async def test_doctor_of_an_administrator_looks_at_the_definition_and_the_operators_rights(
    shell: Shell,
) -> None:
    ended = await shell("kubectl cloudflow doctor -o json -n default")
    found = {one["what"]: one for one in ended.data["findings"]}
    assert found["resource"]["told"] == f"{API_VERSION} is served and up to date."
    assert found["your rights"]["verdict"] == "ok"


async def test_a_server_that_is_away_is_told_in_seconds(
    shell: Shell, kube: Kube, tmp_path: Path
) -> None:
    found = json.loads(kube.kubeconfig.read_text())
    [port] = free_ports(1)
    found["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    away = shell.as_whom(kubeconfig.write(tmp_path / "away", found))
    ended = await away("kubectl cloudflow list")
    assert ended.status == Exit.UNREACHABLE
    assert "The cluster does not answer" in ended.err
    assert "Traceback" not in ended.err


async def test_a_wrong_token_is_told(shell: Shell, kube: Kube, tmp_path: Path) -> None:
    found = json.loads(kube.kubeconfig.read_text())
    wrong = kubeconfig.for_token(found, "wrong", "default")
    ended = await shell.as_whom(kubeconfig.write(tmp_path / "wrong", wrong))(
        "kubectl cloudflow list"
    )
    assert ended.status == Exit.FAILED
    assert "Log in to the cluster again" in ended.err


async def test_names_are_offered_on_tab(
    shell: Shell, application: Document, namespace: str
) -> None:
    code = "from cloudflow_cli.completion import main; main()"
    del application
    script = shell.folder / "kubectl_complete-cloudflow"
    plug_in = shell.folder / "kubectl-cloudflow"
    await shell("true")  # it writes the plug-in
    main = "from cloudflow_cli.main import main; main()"
    script.write_text(plug_in.read_text().replace(main, code))
    script.chmod(0o755)
    offered = await shell(f"kubectl __complete cloudflow status -n {namespace} sen")
    assert "sensor-data" in offered.out.splitlines()
