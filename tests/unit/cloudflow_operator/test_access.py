"""The proxy that requests to the API server take."""

from __future__ import annotations

import pytest
from kubernetes.aio.client import Configuration

from cloudflow_operator.access import take_proxy

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def taken(proxy: str | None = None) -> str | None:
    configuration = Configuration(host="https://api.example:6443")
    configuration.proxy = proxy
    take_proxy(configuration)
    assert configuration.client_session_kwargs == {"trust_env": False}
    found: str | None = configuration.proxy
    return found


def test_it_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert taken() is None
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert taken() == PROXY


def test_the_environment_can_leave_a_host_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert taken() is None


def test_that_of_the_kubeconfig_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert taken("http://own.example:1") == "http://own.example:1"
