"""What the tests of the chart need is made before their time runs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from testbed import kubernetes
from testbed.binaries import KubernetesUnavailableError
from testbed.helm import HelmUnavailableError, helm

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build what is not there yet; it takes minutes, once."""
    is_asked = any(HERE in item.path.parents for item in session.items)
    if is_asked and not session.config.option.collectonly:
        with contextlib.suppress(HelmUnavailableError):
            helm()
        with contextlib.suppress(KubernetesUnavailableError):
            kubernetes.kubectl()
