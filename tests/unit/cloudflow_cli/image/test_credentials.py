"""Credentials of a push: from where they come, and that they stay nowhere."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest

from cloudflow_cli.errors import UsageError
from cloudflow_cli.image.credentials import VARIABLES, Credentials, environment_with, given

SECRET = "dragon-7"
USER = Credentials("ci", SECRET)
AUTH = base64.b64encode(f"ci:{SECRET}".encode()).decode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    return tmp_path


def test_options_go_before_the_environment() -> None:
    environment = {VARIABLES[0]: "somebody", VARIABLES[1]: "else"}
    assert given("ci", io.StringIO(f"{SECRET}\n"), environment) == USER
    assert given(None, None, environment) == Credentials("somebody", "else")


def test_without_any_what_is_stored_is_used() -> None:
    assert given(None, None, {}) is None


@pytest.mark.parametrize(
    ("username", "password", "environment"),
    [
        ("ci", None, {}),
        (None, io.StringIO("x"), {}),
        ("ci", io.StringIO(""), {}),
        (None, None, {VARIABLES[0]: "ci"}),
        (None, None, {VARIABLES[1]: "x"}),
    ],
)
def test_one_without_the_other_is_an_error(
    username: str | None, password: io.StringIO | None, environment: dict[str, str]
) -> None:
    with pytest.raises(UsageError, match="one of them is missing"):
        given(username, password, environment)


def test_a_password_is_not_shown() -> None:
    assert SECRET not in repr(USER)


def test_builders_find_the_credentials_in_a_file_that_is_gone_afterwards(home: Path) -> None:
    with environment_with(USER, "registry.example.com") as environment:
        file = Path(environment["REGISTRY_AUTH_FILE"])
        assert environment["DOCKER_CONFIG"] == str(file.parent)
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert json.loads(file.read_text()) == {"auths": {"registry.example.com": {"auth": AUTH}}}
    assert not file.parent.exists()
    assert [*home.iterdir()] == []


def test_the_rest_of_dockers_settings_stays(home: Path) -> None:
    docker = home / ".docker"
    (docker / "contexts").mkdir(parents=True)
    stored = {
        "auths": {"other.example.com": {"auth": "x"}},
        "credsStore": "desktop",
        "currentContext": "colima",
    }
    (docker / "config.json").write_text(json.dumps(stored))
    with environment_with(USER, "docker.io") as environment:
        folder = Path(environment["DOCKER_CONFIG"])
        assert (folder / "contexts").resolve() == docker / "contexts"
        assert json.loads((folder / "config.json").read_text()) == {
            "auths": {
                "other.example.com": {"auth": "x"},
                "docker.io": {"auth": AUTH},
                "https://index.docker.io/v1/": {"auth": AUTH},
            },
            "currentContext": "colima",
        }
    assert json.loads((docker / "config.json").read_text()) == stored
    assert (docker / "contexts").is_dir()


def test_without_credentials_the_environment_is_the_own(home: Path) -> None:
    with environment_with(None, "registry.example.com") as environment:
        assert "DOCKER_CONFIG" not in environment
        assert environment["HOME"] == str(home)
