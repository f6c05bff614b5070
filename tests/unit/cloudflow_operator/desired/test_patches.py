"""What a user's pod template may change, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from support.applications import MetricsIngress, a_streamlet, desired_of, problems_of
from support.blueprints import found

PLACE = "spec.streamlets.validation.podTemplate"


def patched(template: dict[str, Any]) -> dict[str, Any]:
    return {
        "streamlets": [
            a_streamlet("ingress", MetricsIngress),
            a_streamlet("validation", podTemplate=template),
        ]
    }


def of_container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "streamlet", **fields}]}}


PROTECTED: dict[str, tuple[dict[str, Any], str]] = {
    "a label of the selector": (
        {"metadata": {"labels": {"cloudflow.dev/streamlet": "other"}}},
        "the label cloudflow.dev/streamlet",
    ),
    "all labels": (
        {"metadata": {"labels": None}},
        "the label cloudflow.dev/application",
    ),
    "the container": (
        {"spec": {"containers": [{"name": "streamlet", "$patch": "delete"}, {"name": "x"}]}},
        "the name of the container 'streamlet'",
    ),
    "the whole specification": (
        {"spec": {"$patch": "replace", "containers": "none"}},
        "the name of the container 'streamlet'",
    ),
    "one of our volumes": (
        {"spec": {"volumes": [{"name": "cloudflow-tmp", "emptyDir": None, "hostPath": {}}]}},
        "the volume 'cloudflow-tmp'",
    ),
    "one of our mounts": (
        of_container(volumeMounts=[{"mountPath": "/tmp", "name": "other"}]),
        "the mount /tmp",
    ),
    "what is below one of ours": (
        of_container(volumeMounts=[{"mountPath": "/etc/cloudflow/secrets/x", "name": "other"}]),
        "what is at /etc/cloudflow",
    ),
    "what is above ours": (
        of_container(volumeMounts=[{"mountPath": "/etc", "name": "other"}]),
        "what is at /etc/cloudflow",
    ),
}


@pytest.mark.parametrize("case", PROTECTED)
def test_what_the_operator_needs_is_protected(case: str) -> None:
    template, part = PROTECTED[case]
    problems = problems_of(**patched(template))
    assert ("ProtectedPart", PLACE) in found(problems)
    assert any(part in one.sentence for one in problems)


def test_everything_else_is_the_users() -> None:
    template = {
        "metadata": {"labels": {"team": "wind"}, "annotations": {"a": "b"}},
        "spec": {
            "containers": [
                {
                    "name": "streamlet",
                    "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": None}},
                    "securityContext": {"readOnlyRootFilesystem": False},
                    "volumeMounts": [{"mountPath": "/cache", "name": "cache"}],
                },
                {"name": "proxy", "image": "proxy:1"},
            ],
            "volumes": [{"name": "cache", "emptyDir": {}}],
            "affinity": {"nodeAffinity": {}},
        },
    }
    made = desired_of(**patched(template)).streamlets["validation"]
    pod = made.deployment["spec"]["template"]
    streamlet, proxy = pod["spec"]["containers"]
    assert pod["metadata"]["labels"]["team"] == "wind"
    assert streamlet["resources"] == {"limits": {"memory": "1Gi"}, "requests": {"memory": "256Mi"}}
    assert streamlet["securityContext"]["readOnlyRootFilesystem"] is False
    assert proxy == {"name": "proxy", "image": "proxy:1"}
    assert {"name": "cache", "emptyDir": {}} in pod["spec"]["volumes"]
    assert made.deployment["spec"]["selector"]["matchLabels"].keys() == {
        "cloudflow.dev/application",
        "cloudflow.dev/streamlet",
    }


def test_what_is_wrong_with_a_runtime_is_told_once() -> None:
    template = {"spec": {"containers": [{"image": "x"}]}}
    settings = {"window-records": "many", "window": "1"}
    runtimes = [{"name": "python", "podTemplate": template, "settings": settings}]
    assert found(problems_of(runtimes=runtimes)) == [
        ("UnknownKey", "spec.runtimes.python.settings.window"),
        ("InvalidSetting", "spec.runtimes.python.settings.window-records"),
        ("UnusablePatch", "spec.runtimes.python.podTemplate"),
    ]


def test_patches_are_merged_one_after_the_other() -> None:
    runtimes = [{"name": "python", "podTemplate": {"spec": {"nodeName": "a", "hostname": "h"}}}]
    spec = patched({"spec": {"nodeName": "b", "hostname": None}})
    pod = desired_of(**spec, runtimes=runtimes).streamlets["validation"].deployment
    assert pod["spec"]["template"]["spec"]["nodeName"] == "b"
    assert "hostname" not in pod["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("claim", "mount", "given", "group"),
    [
        ({}, {}, {}, 10001),
        ({"readOnly": True}, {}, {}, None),
        ({}, {"readOnly": True}, {}, None),
        ({}, {}, {"fsGroup": 5}, 5),
    ],
)
def test_a_claim_that_a_patch_lets_a_streamlet_write_to_has_a_group(
    claim: dict[str, Any], mount: dict[str, Any], given: dict[str, Any], group: int | None
) -> None:
    source = {"persistentVolumeClaim": {"claimName": "c", **claim}}
    template = of_container(volumeMounts=[{"mountPath": "/disk", "name": "disk", **mount}])
    template["spec"] |= {"volumes": [{"name": "disk", **source}], "securityContext": given}
    pod = desired_of(**patched(template)).streamlets["validation"].deployment
    security = pod["spec"]["template"]["spec"]["securityContext"]
    assert security.get("fsGroup") == group
    assert security["runAsNonRoot"]
