"""The operator's process: settings, logs, connections, an exit status.

    python -m cloudflow_operator

Ends with 0 when it was asked to, and with 1 when it cannot work, which one line says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from cloudflow_operator import election, logs
from cloudflow_operator.api.v1alpha1 import API_VERSION, KIND, PLURAL
from cloudflow_operator.errors import ClusterUnavailableError, RefusedError
from cloudflow_operator.metrics import Metrics
from cloudflow_operator.operating import DISTRIBUTION, Links, Operator, catch_signals
from cloudflow_operator.requests import Request, connected, path
from cloudflow_operator.serving import serving
from cloudflow_operator.settings import SettingsError, settings_of_environment
from streamlet_sdk.errors import CloudflowError
from streamlet_sdk.runtime.memory import settle_collector

if TYPE_CHECKING:
    from cloudflow_operator.requests import Requests
    from cloudflow_operator.settings import Settings

_NO_DEFINITION: Final = (
    "Install the CustomResourceDefinition, which the chart has, and the repository in crds/."
)
_NO_NAMESPACE: Final = "Set CLOUDFLOW_OPERATOR_NAMESPACE to the operator's own namespace."

_PAUSE: Final = 5.0  # seconds

_log = logging.getLogger(__name__)


def main() -> int:
    """Run the operator until it is told to end; the exit status."""
    logs.configure("text", "info")
    try:
        settings = settings_of_environment()
        logs.configure(settings.log_format, settings.log_level)
        settle_collector()
        asyncio.run(operate(settings))
    except CloudflowError as error:
        _log.critical("The operator cannot work: %s. %s", error, error.hint or "")
        return 1
    except OSError as error:
        _log.critical("The operator cannot work: %s", error)
        return 1
    except RuntimeError as error:
        _log.critical("The operator cannot go on: %s", error, exc_info=error.__cause__)
        return 1
    return 0


async def operate(settings: Settings) -> None:
    """Run an operator until a signal asks for its end.

    Raises:
        CloudflowError: when it cannot begin.
        OSError: when its port is taken.
        RuntimeError: when one of its parts ended.
    """
    stop = asyncio.Event()
    catch_signals(stop)
    metrics = Metrics(version(DISTRIBUTION))
    async with (
        connected(settings.kubeconfig, observer=metrics.requested) as requests,
        connected(settings.kubeconfig, election.PATIENCE, metrics.requested) as voting,
    ):
        namespace = settings.namespace or requests.namespace
        if namespace is None:
            raise SettingsError("the operator does not know its namespace", hint=_NO_NAMESPACE)
        for watched in settings.watch_namespaces or (None,):
            await _await_server(requests, watched, stop)
        links = Links(requests=requests, voting=voting, metrics=metrics)
        operator = Operator(settings, namespace, links)
        async with serving(operator.answers, settings.port) as port:
            _log.info("%s in %s answers on port %d", settings.pod_name, namespace, port)
            await operator.run(stop)
    _log.info("%s has ended", settings.pod_name)


async def _await_server(requests: Requests, namespace: str | None, stop: asyncio.Event) -> None:
    """Check until the API server answers, or until asked to stop.

    A process that ended instead would be started again later and later, also when all is well.
    """
    while not stop.is_set():
        try:
            return await _check(requests, namespace)
        except ClusterUnavailableError as error:
            _log.warning("Waiting for the API server: %s", error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _PAUSE)
    return None


async def _check(requests: Requests, namespace: str | None) -> None:
    """See whether applications can be watched; kopf would wait for ever, and say nothing.

    Raises:
        ClusterError: when they cannot.
    """
    doing = f"list {KIND} in {namespace or 'all namespaces'}"
    where = path(API_VERSION, PLURAL, namespace)
    answer = await requests.answer(Request(doing, "GET", where, {"limit": "1"}))
    if answer.status == HTTPStatus.NOT_FOUND:
        raise RefusedError(doing, "the API server does not know the kind", hint=_NO_DEFINITION)
    answer.checked()
