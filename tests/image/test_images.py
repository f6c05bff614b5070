"""Images made by a real builder: the same for the same source, small, and made for any user."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from cloudflow_cli import VERSION
from cloudflow_cli.exits import Exit
from support.image_building import mounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.buildah import Buildah
    from testbed.registry import Account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MEGABYTES = 1_000_000
GREETER = "hello.streamlets.Greeter"


def edit(project: Path) -> None:
    """Change a line of code."""
    with (project / "src" / "hello" / "streamlets.py").open("a") as file:
        file.write("CHANGED = True\n")


def requirements(wheelhouse: Path, change: str = "") -> str:
    """A lock file of everything in the folder, with hashes."""
    lines = []
    for wheel in sorted(wheelhouse.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        data = wheel.read_bytes() + change.encode() * name.startswith("cloudflow")
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n")
    return "".join(lines)


def test_the_same_source_is_the_same_image_wherever_it_is_built(
    buildah: Buildah, hello: Path, base_archive: Path
) -> None:
    first = buildah.built(hello)
    facts = buildah.config(first)
    for path in hello.rglob("*"):
        os.utime(path, (1, 1))
    buildah.forget()
    buildah.take(base_archive)
    second = buildah.built(hello.rename(hello.with_name("elsewhere")))
    assert buildah.config(second) == facts
    assert second == first


def test_a_change_of_code_makes_the_last_layer_anew_and_nothing_else(
    buildah: Buildah, hello: Path
) -> None:
    before = buildah.layers(buildah.built(hello))
    edit(hello)
    done = buildah.build(hello, "-v", "-o", "json")
    assert done.status == 0, done.err
    after = buildah.layers(json.loads(done.out)["image"])
    assert len(before) == len(after)
    differing = [old != new for old, new in zip(before, after, strict=True)]
    assert differing.index(True) == 2  # the base, the dependencies, then the code
    assert "cloudflow_streamlets" not in done.err  # which pip would have said


def test_a_pod_can_run_it_as_anybody_on_a_root_that_nobody_can_write(
    buildah: Buildah, hello: Path
) -> None:
    image = buildah.built(hello)
    assert buildah.config(image)["config"]["User"] == "10001:10001"
    with buildah.mounted(image) as root:
        assert buildah.in_a_pod(root, "id", "-u").out == "10001\n"
        assert buildah.in_a_pod(root, "touch", "/app/source/x").status != 0
        told = buildah.in_a_pod(root, "python", "-m", "streamlet_sdk.blueprint", GREETER)
        assert (told.status, told.err) == (0, "")
        assert [*json.loads(told.out)["descriptors"]] == [GREETER]
        ended = buildah.in_a_pod(root, "python", "-m", "streamlet_sdk.runtime")
        assert ended.status == 1
        assert "/etc/cloudflow/streamlet.json" in ended.err


def test_nothing_is_left_in_it_that_only_building_needs(buildah: Buildah, hello: Path) -> None:
    with buildah.mounted(buildah.built(hello)) as root:
        assert {path.name for path in (root / "app").iterdir()} == {"python", "source"}
        assert not (root / "context").exists()
        assert not (root / "opt" / "pip").exists()
        (packages,) = (root / "app" / "python" / "lib").glob("python3*/site-packages")
        assert not (packages / "pip").exists()
        assert not [path for path in (root / "usr" / "bin").iterdir() if "gcc" in path.name]
        loose = [path for path in (root / "app").rglob("*") if path.stat().st_mode & 0o022]
        assert [path for path in loose if not path.is_symlink()] == []
        # Compiled once, here, as nothing can be kept where it runs.
        assert [*(root / "app" / "source" / "hello" / "__pycache__").glob("streamlets.*.pyc")]
        assert [*(packages / "streamlet_sdk" / "__pycache__").glob("streamlet.*.pyc")]


def test_the_sdk_and_what_it_needs_are_small(buildah: Buildah, hello: Path) -> None:
    with buildah.mounted(buildah.built(hello)) as root:
        files = [path for path in (root / "app").rglob("*") if not path.is_symlink()]
        size = sum(path.stat().st_size for path in files if path.is_file())
    assert 20 * MEGABYTES < size < 60 * MEGABYTES


def test_the_resource_has_what_the_classes_in_the_image_declare(
    buildah: Buildah, copy: Callable[[str], Path]
) -> None:
    project = copy("sensor-data")
    image = buildah.built(project)
    made = yaml.safe_load((project / "target" / "sensor-data.yaml").read_text())
    assert made["spec"]["image"] == image
    assert made["spec"]["sdk"]["version"] == VERSION
    assert "http-ingress" in [one["name"] for one in made["spec"]["streamlets"]]
    declared = {one["className"]: one for one in made["spec"]["descriptors"]}
    assert "server" in declared["sensor_data:SensorDataHttpIngress"]


def test_a_package_that_is_here_and_not_in_the_image_is_found_out(
    buildah: Buildah, hello: Path
) -> None:
    with (hello / "src" / "hello" / "streamlets.py").open("a") as file:
        file.write("import hypothesis\n")
    done = buildah.build(hello, "-o", "json")
    assert done.status == Exit.PROBLEMS, done.err
    problems = json.loads(done.out)["problems"]
    assert {one["type"] for one in problems} == {"PackageMissing"}
    assert "'hypothesis'" in problems[0]["sentence"]
    assert not (hello / "target" / "hello.yaml").exists()


def test_locked_packages_are_installed_and_a_forged_one_is_not(
    buildah: Buildah, hello: Path, wheelhouse: Path
) -> None:
    (hello / "requirements.txt").write_text(requirements(wheelhouse, change="forged"))
    done = buildah.build(hello)
    assert done.status == Exit.FAILED
    assert "Error: A dependency is not the one that was locked." in done.err
    (hello / "requirements.txt").write_text(requirements(wheelhouse))
    assert buildah.built(hello)


def test_what_uv_has_locked_is_installed(buildah: Buildah, hello: Path, wheelhouse: Path) -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    file = hello / "pyproject.toml"
    # What is for development has no wheels here.
    file.write_text(re.sub(r"(?m)^dev = .*", "dev = []", file.read_text()))
    lock = ("uv", "lock", "--no-index", "--find-links", wheelhouse, "--directory", hello)
    locked = buildah.ended(*lock, PATH=path)
    assert locked.status == 0, locked.err
    # The lock decides, whatever has come since.
    file.write_text(
        file.read_text().replace('["cloudflow-streamlets"]', '["cloudflow-streamlets", "nobodys"]')
    )
    done = buildah.build(hello, PATH=path)
    assert done.status == 0, done.err
    assert "fastavro==" in (hello / "target" / "image" / "requirements.txt").read_text()

    (hello / "uv.lock").write_text("version = 'none'\n")
    done = buildah.build(hello, PATH=path)
    assert done.status == Exit.FAILED
    assert f"Error: uv cannot read {hello / 'uv.lock'}" in done.err


def test_what_cannot_be_installed_is_named(buildah: Buildah, hello: Path) -> None:
    file = hello / "pyproject.toml"
    text = file.read_text()
    file.write_text(text.replace('["cloudflow-streamlets"]', '["a-package-of-nobody>=2"]', 1))
    done = buildah.build(hello)
    assert done.status == Exit.FAILED
    assert "Error: The dependency a-package-of-nobody>=2 was not found." in done.err
    file.write_text(text.replace('base = "', 'base = "127.0.0.1:1/nobodys/'))
    done = buildah.build(hello)
    assert done.status == Exit.FAILED
    assert "Error: The base image 127.0.0.1:1/nobodys/" in done.err
    assert "cannot be pulled" in done.err


def test_a_dockerfile_of_the_users_own_is_used(buildah: Buildah, hello: Path) -> None:
    assert buildah.build(hello, "--emit-dockerfile").status == 0
    own = hello / "Dockerfile"
    own.write_text(own.read_text() + "COPY project/README.md /app/README.md\n")
    with buildah.mounted(buildah.built(hello)) as root:
        assert (root / "app" / "README.md").is_file()


def test_a_registry_gets_the_image_and_its_digest_names_it(
    buildah: Buildah, hello: Path, account: Account
) -> None:
    repository = f"{account.address}/team/hello"
    with (hello / "pyproject.toml").open("a") as file:
        file.write(f'repository = "{repository}"\n')
    trusted = {"SSL_CERT_FILE": str(account.authority)}

    done = buildah.build(hello, "--push")
    assert done.status == Exit.FAILED
    assert "The certificate of the registry" in done.err

    done = buildah.build(hello, "--push", **trusted)
    assert done.status == Exit.FAILED
    assert "no credentials, wrong ones" in done.err
    assert not (hello / "target" / "hello.yaml").exists()

    words = ("--push", "--username", account.user, "--password-stdin", "-o", "json")
    done = buildah.build(hello, *words, stdin=account.password, **trusted)
    assert done.status == 0, done.err
    made = json.loads(done.out)
    assert made["image"] == f"{repository}@{made['digest']}"
    resource = yaml.safe_load((hello / "target" / "hello.yaml").read_text())
    assert resource["spec"]["image"] == made["image"]

    file = buildah.folder / "auth.json"
    file.write_text(account.pull_secret())
    stored = {"REGISTRY_AUTH_FILE": str(file), **trusted}
    assert json.loads(buildah.build(hello, "--push", "-o", "json", **stored).out) == made
    assert buildah.ended("buildah", "pull", "--quiet", made["image"], **stored).status == 0


def test_a_build_that_fails_leaves_no_container_and_no_mount(buildah: Buildah, hello: Path) -> None:
    (hello / "requirements.txt").write_text("a-package-of-nobody\n")
    assert buildah.build(hello).status == Exit.FAILED
    assert buildah("containers", "--all", "--quiet") == ""
    assert [one for one in mounts(buildah.folder) if "merged" in one] == []
