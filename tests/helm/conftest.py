"""What the tests of the chart need is made before their time runs."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed import kubernetes
from testbed.binaries import KubernetesUnavailableError
from testbed.helm import HelmUnavailableError, helm

if TYPE_CHECKING:
    from collections.abc import Generator

HERE = Path(__file__).parent


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Build what is not there yet; it takes minutes, once."""
    if HERE in item.path.parents:
        _build()
    return (yield)


@functools.cache
def _build() -> None:
    with contextlib.suppress(HelmUnavailableError):
        helm()
    with contextlib.suppress(KubernetesUnavailableError):
        kubernetes.kubectl()
