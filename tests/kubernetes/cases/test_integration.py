"""The integration cases of the predecessor's suite that need no process in a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflow_cli.exits import Exit
from cloudflow_operator.names import STREAMLET
from support.applications import NAME
from support.case import until_gone, until_running
from support.kube import document

if TYPE_CHECKING:
    from support.case import Case
    from support.installed_application import Installed

POD = "kubernetes.pods.pod"
RUNTIME = f"cloudflow.runtimes.python.{POD}"


async def comes_and_goes(case: Case) -> None:
    """Deploy, look, remove, look."""
    one = await case.deploy()
    await until_running(one)
    [listed] = (await case.done("list -o json")).data["applications"]
    assert (listed["name"], listed["phase"]) == (NAME, "Running")
    await case.done(f"undeploy {NAME} --wait")
    assert (await case.done("list -o json")).data["applications"] == []
    assert await case.pods_of_streamlets() == {}


async def test_it_01_to_05_it_comes_runs_and_goes_without_a_pod_left(case: Case) -> None:
    await comes_and_goes(case)
    seen = await case.shell(f"kubectl cloudflow list -n {case.namespace}")
    told = f"There are no applications in namespace '{case.namespace}'.\n"
    assert (seen.status, seen.out, seen.err) == (Exit.DONE, "", told)


async def test_it_06_to_11_it_comes_again_and_is_seen_in_its_namespace(case: Case) -> None:
    for _ in range(2):
        await comes_and_goes(case)
    one = await case.deploy()
    await until_running(one)
    shown = (await case.done(f"status {NAME} -o json")).data
    assert (shown["name"], shown["namespace"], shown["phase"]) == (
        NAME,
        case.namespace,
        "Running",
    )
    assert {each["name"] for each in shown["streamlets"]} == {"ingress", "validation"}


async def mounted(one: Installed, streamlet: str) -> dict[str, dict[str, Any]]:
    """The volumes of a streamlet's pods, by where they are mounted."""
    spec = (await one.kube.read(one.deployment(streamlet)))["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    [container] = spec["containers"]
    return {each["mountPath"]: volumes[each["name"]] for each in container["volumeMounts"]}


def mounting(volume: str, path: str) -> str:
    """What gives every pod of the runtime a volume `foo`."""
    return (
        f"{RUNTIME}.volumes.foo.{volume} "
        f"{RUNTIME}.containers.container.volume-mounts.foo.mount-path={path}"
    )


async def test_it_13_14_16_a_secret_is_mounted_where_configuration_says(case: Case) -> None:
    one = await case.deploy()
    secret = document("v1", "Secret", "mysecret", case.namespace, stringData={"password": "1f2d"})
    await case.kube.create(secret)
    await case.done(f"configure {NAME} {mounting('secret.name=mysecret', '/tmp/some')}")
    await until_running(one)
    for streamlet in ("ingress", "validation"):
        volume = (await mounted(one, streamlet))["/tmp/some"]
        assert volume["secret"]["secretName"] == "mysecret"
    await case.kube.delete(secret)
    await until_gone(case.kube, secret)
    await until_running(one)


async def test_it_17_18_20_h3_a_claim_is_mounted_where_configuration_says(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    before = await one.read()
    words = f"configure {NAME} {mounting('pvc.name=myclaim', '/tmp/some')}"
    refused = await case.run(words)
    assert refused.status == Exit.PROBLEMS
    assert "no PersistentVolumeClaim 'myclaim'" in refused.err
    assert await one.read() == before
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = document("v1", "PersistentVolumeClaim", "myclaim", case.namespace, spec=spec)
    await case.kube.create(claim)
    await case.done(words)
    await until_running(one)
    for streamlet in ("ingress", "validation"):
        volume = (await mounted(one, streamlet))["/tmp/some"]
        assert volume["persistentVolumeClaim"]["claimName"] == "myclaim"
    await case.kube.delete(claim)
    await until_running(one)


async def test_it_h1_a_deployment_whose_claim_is_missing_is_refused_and_names_it(
    case: Case,
) -> None:
    words = mounting("pvc.name=myclaim", "/tmp/some")
    refused = await case.run(f"deploy {case.file()} {words}")
    assert refused.status == Exit.PROBLEMS
    assert f"no PersistentVolumeClaim 'myclaim' in namespace '{case.namespace}'" in refused.err
    assert (await case.done("list -o json")).data["applications"] == []


def requests(cpu: str, memory: str, of: str) -> str:
    """What asks for resources."""
    place = f"{of}.containers.container.resources.requests"
    return f"{place}.cpu={cpu} {place}.memory={memory}"


async def requested(case: Case) -> dict[str, dict[str, str]]:
    """What pods ask for, by streamlet."""
    found: dict[str, dict[str, str]] = {}
    for pod in await case.kube.listed("v1", "Pod", case.namespace):
        [container] = pod["spec"]["containers"]
        name = pod["metadata"]["labels"][STREAMLET]
        found[name] = container["resources"].get("requests", {})
    return found


async def test_it_21_and_22_resources_of_a_streamlet_and_then_of_all(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    before = await requested(case)
    own = requests("550m", "612M", f"cloudflow.streamlets.validation.{POD}")
    await case.done(f"configure {NAME} {own}")
    await until_running(one)
    after = await requested(case)
    assert (after["ingress"], after["validation"]) == (
        before["ingress"],
        {"cpu": "550m", "memory": "612M"},
    )
    await case.done(f"configure {NAME} --replace {requests('665m', '655M', RUNTIME)}")
    await until_running(one)
    assert await requested(case) == {name: {"cpu": "665m", "memory": "655M"} for name in before}


async def test_it_24_and_25_one_more_and_one_less(case: Case) -> None:
    one = await case.deploy()
    await until_running(one)
    count = len((await case.pods_of_streamlets())["validation"])
    for wanted in (count + 1, count):
        await case.done(f"scale {NAME} validation={wanted}")
        await until_running(one)
        assert len((await case.pods_of_streamlets())["validation"]) == wanted
