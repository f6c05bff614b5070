"""Every builder that `build` knows makes, verifies and pushes images; each is the real one."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from support.image_building import docker_workplace, podman_workplace
from support.require import missing
from testbed.packages import NodeUnavailableError
from testbed.registry import Registry, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.image_building import Workplace
    from testbed.registry import Account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BUILDERS: Final = {"docker": docker_workplace, "podman": podman_workplace}


@pytest.fixture(scope="module", params=BUILDERS)
def workplace(request: pytest.FixtureRequest, base_archive: Path) -> Iterator[Workplace]:
    """One with this builder, and the base image."""
    # Not among pytest's own folders: it could not remove the mounts of a run that was killed.
    with tempfile.TemporaryDirectory(prefix="cloudflow-builder-") as folder:
        try:
            with BUILDERS[request.param](Path(folder), base_archive) as made:
                yield made
        except NodeUnavailableError as error:
            missing("node", str(error))


@pytest.fixture
def there(workplace: Workplace, tmp_path: Path) -> Iterator[Registry]:
    """A registry that the builder reaches."""
    with registry(tmp_path / "registry", workplace.host) as made:
        yield made


def test_it_makes_verifies_and_pushes(workplace: Workplace, there: Registry, hello: Path) -> None:
    account = there.account
    with (hello / "pyproject.toml").open("a") as file:
        file.write(f'repository = "{account.address}/team/hello"\n')
    denied = workplace.build(hello, "--push", SSL_CERT_FILE=str(account.authority))
    assert "no credentials, wrong ones" in denied.err
    assert not (hello / "target" / "hello.yaml").exists()

    first = pushed(workplace, account, hello)
    assert first.startswith(f"{account.address}/team/hello@sha256:")
    config = inspected(workplace, account, first, "--config")["config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", "streamlet_sdk.runtime"]
    assert pushed(workplace, account, hello) == first

    with (hello / "src" / "hello" / "streamlets.py").open("a") as source:
        source.write("CHANGED = True\n")
    second = pushed(workplace, account, hello)
    before, after = (inspected(workplace, account, one)["Layers"] for one in (first, second))
    differing = [old != new for old, new in zip(before, after, strict=True)]
    assert differing.index(True) == 2  # the base, the dependencies, then the code


def pushed(workplace: Workplace, account: Account, project: Path) -> str:
    """Build a project's image and push it; its name, which the resource has."""
    words = ("--push", "--username", account.user, "--password-stdin", "-o", "json")
    trusted = {"SSL_CERT_FILE": str(account.authority)}
    done = workplace.build(project, *words, stdin=account.password, **trusted)
    assert done.status == 0, done.err
    name: str = json.loads(done.out)["image"]
    resource = yaml.safe_load((project / "target" / "hello.yaml").read_text())
    assert resource["spec"]["image"] == name
    return name


def inspected(workplace: Workplace, account: Account, image: str, *words: str) -> dict[str, Any]:
    """What a registry says of an image."""
    login = ("--creds", f"{account.user}:{account.password}")
    trusted = {"SSL_CERT_FILE": str(account.authority)}
    done = workplace.ended("skopeo", "inspect", *words, *login, f"docker://{image}", **trusted)
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_what_does_not_fit_is_told(workplace: Workplace, hello: Path) -> None:
    with (hello / "src" / "hello" / "streamlets.py").open("a") as file:
        file.write("import hypothesis\n")
    done = workplace.build(hello, "-o", "json")
    assert {one["type"] for one in json.loads(done.out)["problems"]} == {"PackageMissing"}

    file = hello / "pyproject.toml"
    text = file.read_text()
    file.write_text(text.replace('["cloudflow-streamlets"]', '["a-package-of-nobody>=2"]', 1))
    assert "Error: The dependency a-package-of-nobody>=2 was not found." in (
        workplace.build(hello).err
    )
    file.write_text(text.replace('base = "', f'base = "{workplace.host}:1/nobodys/'))
    assert f"Error: The base image {workplace.host}:1/nobodys/" in workplace.build(hello).err
