"""Images of two registries, each with a password of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from cloudflow_cli.exits import Exit
from support.node_pods import own
from testbed.registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from support.installation import Platform
    from support.space import Space

pytestmark = pytest.mark.slow


async def test_acc_19_images_are_pulled_from_two_registries(
    platform: Platform, space: Space, tmp_path: Path
) -> None:
    found = yaml.safe_load((await platform.built("hello")).read_text())
    with registry(tmp_path / "registry", platform.cluster.host) as other:
        own(platform.cluster).node.trust(other.account)
        source = f"docker://{found['spec']['image']}"
        target = f"{other.account.address}/others/hello:1"
        words = ("copy", "--insecure-policy", "--quiet", source, f"docker://{target}")
        password = f"{other.account.user}:{other.account.password}"
        copied = await platform.shell(
            f"skopeo {' '.join(words)} --dest-tls-verify=false --dest-creds {password}"
        )
        assert copied.status == 0, copied.err
        [greeter] = [one for one in found["spec"]["streamlets"] if one["name"] == "greeter"]
        greeter["image"] = target
        file = tmp_path / "hello.yaml"
        file.write_text(yaml.safe_dump(found))
        await space.login("hello")
        ended = await space.run(f"deploy {file} --wait")
        assert ended.status == Exit.FAILED
        assert "401" in ended.err
        await space.login("hello", other.account)
        await space.deploy(file)
        [pod] = await space.pods("greeter")
        assert pod["spec"]["containers"][0]["image"] == target
