"""Pods, Services and this machine reach each other as they should, and nothing beyond it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from typing import TYPE_CHECKING

from support.kube import document, eventually
from support.node_pods import own

if TYPE_CHECKING:
    from support.node_pods import Pods
    from testbed.cluster import Cluster

ANSWER = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["HOSTNAME"].encode())

http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
PORT = {"ports": [{"name": "http", "containerPort": 8080}]}
PROBE = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}


async def a_service(pods: Pods, name: str) -> str:
    """The URL of a Service of one pod that answers with its own name."""
    await pods.serve(name, ANSWER, **PORT, **PROBE)
    ports = [{"port": 80, "targetPort": "http"}]
    spec = {"selector": {"app": name}, "ports": ports}
    made = await pods.kube.create(document("v1", "Service", name, pods.namespace, spec=spec))
    return f"http://{made['spec']['clusterIP']}/"


async def asked(pods: Pods, pod: str, url: str) -> str:
    program = f"import urllib.request as u; print(u.urlopen({url!r}, timeout=5).read().decode())"
    return (await pods.kubectl("exec", pod, "--", "python3", "-c", program)).strip()


async def test_a_service_answers_here_and_in_pods_its_own_one_too(pods: Pods) -> None:
    url = await a_service(pods, "answers")

    async def here() -> str:
        with contextlib.suppress(OSError):
            return await asyncio.to_thread(_read, url)
        return ""

    assert await eventually(here, "an answer of the Service") == "answers"
    await a_service(pods, "other")
    assert await asked(pods, "other", url) == "answers"
    assert await asked(pods, "answers", url) == "answers"


async def test_a_pod_reaches_kafka(node: Cluster, pods: Pods) -> None:
    program = f"""
        import socket, struct
        host, port = {node.kafka.split(",")[0].split(":")!r}
        body = struct.pack(">hhihi", 3, 0, 0, -1, 0)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = connection.recv(65536)
        [brokers] = struct.unpack_from(">i", answer, 8)
        [length] = struct.unpack_from(">h", answer, 16)
        print(brokers, answer[18 : 18 + length].decode() == host)
    """
    pod = await pods.run("asks-kafka", program)
    assert await pods.logs(pod) == "1 True\n"


async def test_a_pod_reaches_the_api_server_as_its_account(pods: Pods) -> None:
    program = """
        import json, os, ssl, urllib.request
        where = "/var/run/secrets/kubernetes.io/serviceaccount"
        host, port = (os.environ[f"KUBERNETES_SERVICE_{x}"] for x in ("HOST", "PORT"))
        tls = ssl.create_default_context(cafile=f"{where}/ca.crt")
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "SelfSubjectReview",
        }
        request = urllib.request.Request(
            f"https://{host}:{port}/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json.dumps(review).encode(),
            {
                "Authorization": "Bearer " + open(f"{where}/token").read(),
                "Content-Type": "application/json",
            },
        )
        answer = json.load(urllib.request.urlopen(request, context=tls, timeout=10))
        print(answer["status"]["userInfo"]["username"])
    """
    pod = await pods.run("asks-server", program)
    assert await pods.logs(pod) == f"system:serviceaccount:{pods.namespace}:default\n"


async def test_a_pod_reaches_nothing_beyond_this_machine(node: Cluster, pods: Pods) -> None:
    own(node)
    program = """
        import json, socket
        said = []
        for host in ("192.0.2.1", "198.51.100.7", "name.invalid"):
            try:
                socket.create_connection((host, 80), timeout=60)
                said.append("connected")
            except TimeoutError:
                said.append("waited")
            except OSError as error:
                said.append("refused")
        print(json.dumps(said))
    """
    pod = await pods.run("looks-out", program)
    assert json.loads(await pods.logs(pod)) == ["refused"] * 3


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text
