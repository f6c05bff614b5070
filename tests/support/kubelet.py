"""The part of a node that answers for the logs of its pods, and the node that leads to it."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

from aiohttp import web

from support.kube import address, document
from testbed.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.kube import Document, Kube

HOST = "127.0.0.1"


class Kubelet:
    """Answers requests for logs.

    Attributes:
        logs: what each further connection to a pod's log brings, by pod.
        queries: what was asked, by pod, in order.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.logs: dict[str, list[str]] = {}
        self.queries: dict[str, list[dict[str, str]]] = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """What aiohttp's server calls."""
        _, kind, _namespace, pod, _container = request.path.split("/")
        if kind != "containerLogs":
            return web.Response(status=404)
        self.queries.setdefault(pod, []).append(dict(request.query))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        waiting = self.logs.get(pod, [])
        await response.write((waiting.pop(0) if waiting else "").encode())
        return response

    def pod(self, name: str, namespace: str, labels: dict[str, str]) -> Document:
        """A pod on this node."""
        spec = {
            "nodeName": self.name,
            "automountServiceAccountToken": False,
            "containers": [{"name": "streamlet", "image": "nowhere.invalid/image"}],
        }
        made = document("v1", "Pod", name, namespace, spec=spec)
        made["metadata"]["labels"] = labels
        return made


@contextlib.asynccontextmanager
async def a_kubelet(kube: Kube, name: str, folder: Path) -> AsyncIterator[Kubelet]:
    """One for a new node called `name`; its pods are gone at the end, and the node."""
    made = Kubelet(name)
    runner = web.ServerRunner(web.Server(made.answer))
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, ssl_context=_tls(folder))
    await site.start()
    node = await kube.create(document("v1", "Node", name))
    try:
        await kube.merge(node, {"status": _status(runner.addresses[0][1])}, "status")
        yield made
    finally:
        for pod in await kube.listed("v1", "Pod", None):
            if pod["spec"].get("nodeName") == name:
                # Nobody is there to confirm that its containers ended.
                await kube.ask("DELETE", address(pod), {"gracePeriodSeconds": 0})
        await kube.delete(node)
        await runner.cleanup()


def _status(port: int) -> dict[str, Any]:
    return {
        "addresses": [{"type": "InternalIP", "address": HOST}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }


def _tls(folder: Path) -> ssl.SSLContext:
    file = folder / "kubelet.pem"
    file.write_text(Authority().identity(HOST).pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context
