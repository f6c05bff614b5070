"""`scale`, `configure` and `configuration` from end to end, on a cluster in memory."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cloudflow_cli.deploying import arguments
from cloudflow_cli.exits import Exit
from cloudflow_cli.kube import completion
from cloudflow_cli.kube.kinds import APPLICATION, SECRET
from cloudflow_cli.kube.session import Target
from cloudflow_operator.names import OVERRIDES_MANAGER
from support.applications import NAME, NAMESPACE, MetricsIngress, a_streamlet, a_topic
from support.deploying import a_file, a_resource, live
from support.kube_server import FakeServer, an_operator, serve

if TYPE_CHECKING:
    from pathlib import Path

    from cloudflow_operator.interfaces import Kind, Manifest
    from support.cli import CommandLine
    from support.golden import Golden

THERE = Target(APPLICATION, NAMESPACE, NAME)
PARAMETERS = Target(SECRET, NAMESPACE, f"{NAME}-parameters")
VALIDATION = "cloudflow.streamlets.validation"
TOKEN = f"{VALIDATION}.config-parameters.token"
FLOOR = f"{VALIDATION}.config-parameters.floor"


@pytest.fixture(autouse=True)
def deployed(server: FakeServer) -> None:
    """An application is there."""
    server.put(live(a_resource()))


def overrides(server: FakeServer) -> Any:
    return server.objects[THERE]["spec"].get("overrides")


def stored(server: FakeServer) -> dict[str, str]:
    data = server.objects[PARAMETERS]["data"]
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def test_counts_of_several_streamlets_are_one_write(cli: CommandLine, server: FakeServer) -> None:
    assert cli("scale", NAME, "validation=3", "ingress=0").status == 0
    assert overrides(server) == [
        {"name": "validation", "replicas": 3},
        {"name": "ingress", "replicas": 0},
    ]
    assert server.writes == [("apply", THERE)]


def test_scaling_says_what_it_did_and_that_nothing_restarts(
    cli: CommandLine, golden: Golden
) -> None:
    outcome = cli("scale", NAME, "validation=3")
    golden.check("scale.txt", outcome.out)
    assert "3 replicas of 'validation' share 1 partitions of 'raw'" in outcome.err
    golden.check("scale.json", cli("scale", NAME, "validation=2", "-o", "json").out)


def test_an_unknown_streamlet_is_told_with_what_was_meant(
    cli: CommandLine, server: FakeServer
) -> None:
    outcome = cli("scale", NAME, "validations=3", "store=1")
    assert outcome.status == Exit.PROBLEMS
    assert "no streamlet 'validations'. Did you mean 'validation'?" in outcome.err
    assert "2 problems." in outcome.err
    assert server.writes == []


@pytest.mark.parametrize("word", ["validation", "validation=", "=3", "validation=-1", "a=1001"])
def test_a_word_of_another_form_is_refused(cli: CommandLine, word: str) -> None:
    assert cli("scale", NAME, word).status == Exit.USAGE


def test_an_application_that_is_not_there_is_told_with_what_was_meant(cli: CommandLine) -> None:
    outcome = cli("scale", "sensor-date", "validation=3")
    assert outcome.status == Exit.NOT_FOUND
    assert "'sensor-data'" in outcome.err


def test_a_source_that_may_run_once_is_not_scaled(cli: CommandLine, server: FakeServer) -> None:
    from support.applications import Poll

    poll = a_resource(
        streamlets=[a_streamlet("poll", Poll)], topics=[a_topic("raw", ("poll.out",))]
    )
    server.put(live(poll))
    outcome = cli("scale", NAME, "poll=2")
    assert outcome.status == Exit.PROBLEMS
    assert "spec.overrides.poll.replicas" in outcome.err


def test_what_was_wrong_before_does_not_keep_something_else_from_being_set(
    cli: CommandLine, server: FakeServer
) -> None:
    broken = a_resource(
        streamlets=[
            a_streamlet("ingress", MetricsIngress, settings={"nonsense": "1"}),
            a_streamlet("validation"),
        ]
    )
    server.put(live(broken))
    assert cli("scale", NAME, "validation=3").status == 0


def test_configuration_is_merged_and_the_difference_is_shown(
    cli: CommandLine, server: FakeServer, golden: Golden, tmp_path: Path
) -> None:
    conf = tmp_path / "prod.yaml"
    kubernetes = {"pods": {"pod": {"labels": {"team": "wind"}}}}
    streamlet = {
        "config": {"window-records": 5},
        "delivery": {"in": {"retry": {"attempts": 9}}},
        "kubernetes": kubernetes,
    }
    document = {"cloudflow": {"streamlets": {"validation": streamlet}}}
    conf.write_text(yaml.safe_dump(document), "utf-8")
    cli("scale", NAME, "validation=1")
    cli("configure", NAME, f"{FLOOR}=1.5")
    outcome = cli("configure", NAME, f"{FLOOR}=2.5", "--conf", str(conf))
    golden.check("configure.txt", outcome.out)
    assert overrides(server) == [
        {
            "name": "validation",
            "replicas": 1,
            "parameters": [{"name": "floor", "value": "2.5"}],
            "settings": {"window-records": "5"},
            "delivery": [{"inlet": "in", "retry": {"attempts": 9}}],
            "podTemplate": {"metadata": {"labels": {"team": "wind"}}},
        }
    ]


def test_replace_forgets_what_was_set(cli: CommandLine, server: FakeServer) -> None:
    cli("scale", NAME, "validation=3")
    outcome = cli("configure", NAME, "--replace", f"{FLOOR}=1.5")
    assert overrides(server) == [
        {"name": "validation", "parameters": [{"name": "floor", "value": "1.5"}]}
    ]
    assert f"- {VALIDATION}.replicas = 3" in outcome.out
    cli("configure", NAME, "--replace")
    assert not overrides(server)


def test_the_same_again_writes_nothing(cli: CommandLine, server: FakeServer) -> None:
    cli("configure", NAME, f"{TOKEN}=hush", f"{FLOOR}=1.5")
    server.writes.clear()
    outcome = cli("configure", NAME, f"{TOKEN}=hush", f"{FLOOR}=1.5")
    assert "nothing was written" in outcome.out
    assert server.writes == []


def test_a_secret_has_keys_of_its_own_and_another_value_restarts(
    cli: CommandLine, server: FakeServer, tmp_path: Path
) -> None:
    cli("deploy", a_file(tmp_path, a_resource()), f"{TOKEN}=deployed")
    cli("configure", NAME, f"{TOKEN}=hush")
    outcome = cli("configure", NAME, f"{TOKEN}=other")
    assert "restarts: secret parameter token" in outcome.out
    (entry,) = overrides(server)
    (parameter,) = entry["parameters"]
    assert parameter["valueFrom"]["secretKeyRef"]["key"] == "overrides.validation.token.2"
    assert stored(server)["overrides.validation.token.2"] == "other"
    for shown in (outcome, cli("configuration", NAME, "--explain", "-o", "yaml")):
        assert "other" not in shown.out.replace("another", "")
    # The next deployment changes its own value, and that one is not used.
    cli("deploy", a_file(tmp_path, a_resource()), f"{TOKEN}=deployed")
    assert overrides(server) == [entry]
    assert stored(server)["overrides.validation.token.2"] == "other"


def test_a_topic_is_no_override(cli: CommandLine, server: FakeServer) -> None:
    outcome = cli("configure", NAME, "cloudflow.topics.raw.partitions=4")
    assert outcome.status == Exit.PROBLEMS
    assert "topic 'raw' belongs to the resource" in outcome.err
    assert server.writes == []


def test_problems_of_documents_have_their_line(cli: CommandLine, tmp_path: Path) -> None:
    conf = tmp_path / "prod.yaml"
    conf.write_text("cloudflow:\n  streamlets:\n    validation:\n      replicas: many\n", "utf-8")
    outcome = cli("configure", NAME, "--conf", "prod.yaml")
    assert outcome.status == Exit.PROBLEMS
    assert "prod.yaml:4: cloudflow.streamlets.validation.replicas" in outcome.err


def test_nothing_to_set_is_a_slip(cli: CommandLine) -> None:
    assert cli("configure", NAME).status == Exit.USAGE


def test_of_two_who_write_at_once_one_looks_again(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = _Busy(an_operator(), live(a_resource()))
    serve(monkeypatch, server)
    assert cli("scale", NAME, "validation=3").status == 0
    assert overrides(server) == [
        {"name": "ingress", "replicas": 7},
        {"name": "validation", "replicas": 3},
    ]


class _Busy(FakeServer):
    """A cluster where somebody scales something else just before our own write."""

    is_first = True

    async def apply(
        self, kind: Kind, manifest: Manifest, manager: str, *, dry_run: bool = False
    ) -> Manifest:
        if self.is_first and manager == OVERRIDES_MANAGER and not dry_run:
            self.is_first = False
            there = {**manifest, "metadata": {"name": NAME, "namespace": NAMESPACE}}
            others = {"overrides": [{"name": "ingress", "replicas": 7}]}
            await super().apply(kind, {**there, "spec": others}, manager)
        return await super().apply(kind, manifest, manager, dry_run=dry_run)


def test_configuration_says_where_each_value_comes_from(
    cli: CommandLine, server: FakeServer, golden: Golden
) -> None:
    resource = a_resource(
        streamlets=[
            a_streamlet("ingress", MetricsIngress, replicas=2),
            a_streamlet(
                "validation",
                parameters=[{"name": "label", "value": "fine"}],
                settings={"window-records": "5"},
            ),
        ],
        runtimes=[{"name": "python", "settings": {"window-records": "9", "max-emissions": "7"}}],
        overrides=[
            {
                "name": "validation",
                "replicas": 3,
                "delivery": [{"inlet": "in", "onExhausted": "skip"}],
                "parameters": [{"name": "token", "value": "hush"}],
            }
        ],
    )
    server.put(live(resource))
    golden.check("configuration.txt", cli("configuration", NAME).out)
    golden.check("configuration-explained.txt", cli("configuration", NAME, "--explain").out)
    golden.check("configuration.json", cli("configuration", NAME, "-o", "json").out)
    assert "hush" not in cli("configuration", NAME, "-o", "yaml").out


def test_completion_offers_streamlets_with_their_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        completion, "streamlets", lambda _, begun: [f"{begun}idation", f"{begun}ve"]
    )
    context: Any = None
    assert arguments.counts(context, "val") == ["validation=", "valve="]
