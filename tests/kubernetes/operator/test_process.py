"""How the operator's process ends, and how it says that it cannot begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.installed_application import create
from support.kube import document
from support.operator_process import application, prepared, until_leading
from support.resources import install

if TYPE_CHECKING:
    from pathlib import Path

    from support.kube import Kube
    from support.operator_process import OperatorProcess


async def test_one_that_is_asked_to_end_gives_its_lease_back_and_says_zero(
    operator: OperatorProcess, kube: Kube, namespace: str
) -> None:
    await until_leading(operator)
    await create(kube, application("plant", namespace))  # something to be cut off
    await operator.stop()
    process = operator.process._process
    assert process is not None
    assert process.returncode == 0
    lease = await kube.read(
        document("coordination.k8s.io/v1", "Lease", "cloudflow-operator", namespace)
    )
    assert not lease["spec"].get("holderIdentity")
    log = operator.process.log()
    assert "ERROR" not in log
    assert "Traceback" not in log


async def test_a_right_that_is_missing_at_the_start_is_one_clear_line(
    kube: Kube, namespace: str, tmp_path: Path
) -> None:
    await install(kube)
    nobody = await kube.account(namespace, "nobody", tmp_path)
    operator = prepared(nobody, tmp_path, namespace=namespace)
    operator.process.launch()
    process = operator.process._process
    assert process is not None
    assert process.wait(60) == 1
    [line] = operator.process.log().splitlines()
    assert "CRITICAL" in line
    assert "cloudflowapplications" in line
    assert "role" in line
