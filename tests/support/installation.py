"""All of it on a node: the operator as its chart installs it, and the command line beside it.

`installed` serves a test session. What a test does, it does in a `Space`, a namespace of its own
that allows the least; pods there pull their images with what the command line has stored.

    await space.deploy(await platform.built("sensor-data"))
    await space.done("scale sensor-data validation=3")

The Kafka cluster `default` has one broker; a test that breaks brokers asks for `brokers` as well.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloudflow_cli.exits import Exit
from support import chart
from support.command import Ended, Shell
from support.image_building import BASE, example
from support.kube import document
from support.node_pods import PULL_SECRET, RESTRICTED, pull_secret
from support.post_mortem import told
from support.sources import ROOT
from testbed.kubernetes import kubectl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.buildah import Buildah
    from testbed.cluster import Cluster

RELEASE = "cloudflow"
OPERATOR = "cloudflow-operator"
PATIENCE = "--timeout=180s"


@dataclass(frozen=True)
class Platform:
    """A cluster with the operator in it, and everything that people work with.

    Attributes:
        cluster: the node, its registry and its Kafka.
        folder: for files of the session.
        builder: has the base image.
        wheels: all that an image can need.
        values: what the chart was installed with, by their paths with dots.
        shell: runs commands as an administrator does.
    """

    cluster: Cluster
    folder: Path
    builder: Buildah
    wheels: Path
    values: Mapping[str, Any]
    shell: Shell
    _built: dict[str, Path] = field(default_factory=dict, init=False, repr=False)

    async def cloudflow(self, words: str, *, stdin: str = "") -> Ended:
        """What `kubectl cloudflow` says, well or not, in a process of its own."""
        return await self.shell(f"kubectl cloudflow {words}", stdin=stdin)

    async def kubectl(self, words: str, *, stdin: str = "") -> str:
        """What `kubectl` says; it must not fail."""
        done = await self.shell(f"kubectl {words}", stdin=stdin)
        assert done.status == 0, done.err
        return done.out

    def helm(self, *words: str | Path, **values: Any) -> str:
        """What Helm says about the operator's namespace; it must not fail."""
        where = (f"--kubeconfig={self.cluster.kubeconfig}", f"--namespace={chart.NAMESPACE}")
        done = chart.run(*map(str, words), *where, *chart.settings(values))
        assert done.returncode == 0, f"{done.stderr}\n{told(self.cluster.kubeconfig)}"
        return done.stdout

    def install(self, folder: Path = chart.CHART, **values: Any) -> None:
        """Install the chart, or change what is installed; the operator is at work then.

        `folder` may have another chart, `values` are others than those of the session.
        """
        self.helm("upgrade", "--install", RELEASE, folder, **{**self.values, **values})
        self.await_operator()

    def await_operator(self) -> None:
        """Wait for the operator that was asked for last."""
        _kubectl(self.cluster, "rollout", "status", f"deployment/{OPERATOR}", PATIENCE)
        # The leader writes it, and the command line deploys nothing before.
        _kubectl(self.cluster, "wait", "--for=create", f"configmap/{OPERATOR}", PATIENCE)

    def pushed(self, tag: str) -> str:
        """The digest of an image that the builder has, once the registry has it too."""
        return _pushed(self.builder, tag, self.shell.variables)

    def project(self, name: str, folder: Path) -> Path:
        """A copy of an example, in `folder`, whose image goes to the cluster's registry."""
        made = example(folder, name, self.wheels)
        with (made / "pyproject.toml").open("a") as file:
            file.write(f'repository = "{self.cluster.registry.address}/tests/{name}"\n')
        return made

    async def build(self, project: Path, words: str = "") -> Path:
        """The resource of a project, whose image is made and pushed; it names the digest.

        `words` are further ones of the command.
        """
        command = f"build {project} --builder buildah --push --output json {words}"
        done = await self.cloudflow(command)
        assert done.status == Exit.DONE, done.err
        return project / "target" / f"{done.data['application']}.yaml"

    async def built(self, name: str) -> Path:
        """The resource of an example, whose image is made once in a session."""
        if name not in self._built:
            # After a build that failed another test tries it in another folder.
            folder = self.folder / f"{name}-{secrets.token_hex(3)}"
            self._built[name] = await self.build(self.project(name, folder))
        return self._built[name]


def installed(cluster: Cluster, folder: Path, builder: Buildah, wheels: Path) -> Platform:
    """The platform on a cluster that has none; the operator is at work when this returns."""
    plug_in = folder / "bin"
    plug_in.mkdir()
    variables = _variables(cluster, builder)
    made = Platform(
        cluster=cluster,
        folder=folder,
        builder=builder,
        wheels=wheels,
        values=_values(cluster, operator_image(cluster, builder, wheels, variables)),
        shell=Shell(plug_in, kubectl(), cluster.kubeconfig, variables),
    )
    namespace = document("v1", "Namespace", chart.NAMESPACE)
    namespace["metadata"]["labels"] = RESTRICTED
    secret = pull_secret(chart.NAMESPACE, cluster.registry.pull_secret())
    for each in (namespace, secret):
        _kubectl(cluster, "apply", "--filename=-", stdin=json.dumps(each))
    made.install()
    return made


def operator_image(
    cluster: Cluster, builder: Buildah, context: Path, variables: Mapping[str, str]
) -> str:
    """The name, with its digest, of the image that `operator/Dockerfile` makes of `context`."""
    name = f"{cluster.registry.address}/tests/{OPERATOR}"
    file = ROOT / "operator" / "Dockerfile"
    settings = ("--build-arg", f"BASE={BASE}", "--build-arg", "PIP_NO_INDEX=1")
    builder("build", "--layers", *settings, "--file", file, "--tag", f"{name}:tests", context)
    return f"{name}@{_pushed(builder, f'{name}:tests', variables)}"


def _pushed(builder: Buildah, tag: str, variables: Mapping[str, str]) -> str:
    digest = builder.folder / "digest"
    done = builder.ended("buildah", "push", "--digestfile", digest, tag, **variables)
    assert done.status == 0, done.err
    return digest.read_text()


def _variables(cluster: Cluster, builder: Buildah) -> dict[str, str]:
    """The environment of somebody who has logged in to the registry, and trusts it."""
    logins = builder.folder / "auth.json"
    logins.write_text(cluster.registry.pull_secret())
    trusted = cluster.registry.authority
    found = {**builder.environment, "REGISTRY_AUTH_FILE": str(logins)}
    return found if trusted is None else {**found, "SSL_CERT_FILE": str(trusted)}


def _values(cluster: Cluster, image: str) -> dict[str, Any]:
    repository, _, digest = image.partition("@")
    properties = {"bootstrap.servers": cluster.kafka}
    return {
        "image.repository": repository,
        "image.digest": digest,
        "imagePullSecrets": [{"name": PULL_SECRET}],
        # On a busy machine an operator that is slow is still well.
        "settings.leaseDuration": "PT60S",
        "settings.leaseDeadline": "PT45S",
        "kafkaClusters": {
            "default": {"properties": properties, "partitions": 3, "replicationFactor": 1}
        },
    }


def _kubectl(cluster: Cluster, *words: str, stdin: str = "") -> None:
    where = (f"--kubeconfig={cluster.kubeconfig}", f"--namespace={chart.NAMESPACE}")
    done = subprocess.run(
        [str(kubectl()), *where, *words], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}\n{told(cluster.kubeconfig)}"
