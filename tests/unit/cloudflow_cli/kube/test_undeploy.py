from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudflow_cli.exits import Exit
from cloudflow_cli.kube.kinds import APPLICATION
from cloudflow_cli.kube.session import Target
from cloudflow_operator.errors import ForbiddenError
from cloudflow_operator.interfaces import POD
from cloudflow_operator.names import FINALIZER
from support.kube_server import a_pod, an_application

if TYPE_CHECKING:
    from support.cli import CommandLine
    from support.golden import Golden
    from support.kube_server import FakeServer, Manifest

HERE = Target(APPLICATION, "plant", "sensor-data")
DELETE = ("undeploy", "sensor-data", "--delete-topics", "--yes")


def holds(server: FakeServer) -> None:
    """The operator puts its finalizer on what shall be deleted with its topics."""
    found = server.objects.get(HERE)
    is_leaving = found is not None and "deletionTimestamp" in found["metadata"]
    if found and found["spec"].get("deletionPolicy") == "Delete" and not is_leaving:
        found["metadata"]["finalizers"] = ["other/one", FINALIZER]


def deletes(server: FakeServer) -> None:
    """The same, and it is done with the topics as soon as it is asked."""
    holds(server)
    found = server.objects.get(HERE)
    if found and "deletionTimestamp" in found["metadata"]:
        del server.objects[HERE]


def test_topics_stay_unless_they_are_asked_for(
    cli: CommandLine, server: FakeServer, golden: Golden, status: Manifest
) -> None:
    server.put(an_application(status=status))
    outcome = cli("undeploy", "sensor-data")
    assert outcome.status == Exit.DONE
    assert server.writes == [("delete", HERE)]
    assert HERE not in server.objects
    golden.check("undeploy.txt", outcome.out)


def test_topics_that_the_operator_made_are_deleted_when_they_are_asked_for(
    cli: CommandLine, server: FakeServer, golden: Golden, status: Manifest
) -> None:
    server.put(an_application(status=status))
    server.reacts = deletes
    outcome = cli(*DELETE, "--wait")
    assert outcome.status == Exit.DONE
    assert [verb for verb, _ in server.writes] == ["merge", "delete"]
    golden.check("undeploy-topics.txt", outcome.out)


def test_data_for_scripts_tells_what_stays(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))
    server.reacts = deletes
    assert cli(*DELETE, "-o", "json").data == {
        "application": "sensor-data",
        "namespace": "plant",
        "gone": False,
        "deletedTopics": ["plant.sensor-data.metrics"],
        "keptTopics": ["alarms"],
        "sharedTopics": [],
        "keptGroups": ["plant.sensor-data.*"],
    }


def test_a_topic_that_another_application_names_is_told_to_stay(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))
    other = server.put(an_application("billing", "office"))
    other["spec"]["topics"] = [{"name": "in", "kafkaName": "plant.sensor-data.metrics"}]
    server.reacts = deletes
    outcome = cli(*DELETE)
    assert "eleted: " not in outcome.out
    assert "Kept for other applications: the topics plant.sensor-data.metrics.\n" in outcome.out
    assert "Kept: the topics alarms.\n" in outcome.out


def test_a_topic_of_that_name_on_another_cluster_keeps_none(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))
    other = server.put(an_application("billing", "office"))
    far = {"name": "in", "kafkaName": "plant.sensor-data.metrics", "cluster": "east"}
    other["spec"]["topics"] = [far]
    server.reacts = deletes
    assert cli(*DELETE, "-o", "json").data["deletedTopics"] == ["plant.sensor-data.metrics"]


def test_who_may_see_one_namespace_is_told_that_others_count_too(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))
    other = server.put(an_application("billing"))
    other["spec"]["topics"] = [{"name": "in", "kafkaName": "plant.sensor-data.metrics"}]
    server.reacts = deletes
    server.is_by_namespace = True
    outcome = cli(*DELETE)
    assert outcome.status == Exit.DONE
    assert "You may not list the applications of all namespaces." in outcome.err
    assert "Kept for other applications: the topics plant.sensor-data.metrics.\n" in outcome.out


def test_who_may_list_no_applications_can_remove_one(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))
    server.reacts = deletes
    server.failures["list", APPLICATION] = ForbiddenError("list applications", "may not")
    outcome = cli(*DELETE)
    assert outcome.status == Exit.DONE
    assert "To be deleted: the topics plant.sensor-data.metrics.\n" in outcome.out
    assert "A topic that one of them names stays" in outcome.err


def test_groups_have_the_prefix_of_their_kafka_cluster(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    far = {"name": "far", "kafkaName": "east.plant.sensor-data.far", "cluster": "east"}
    status["topics"].append({**far, "state": "Ready"})
    server.put(an_application(status=status))
    told = cli("undeploy", "sensor-data", "-o", "json").data
    assert told["keptGroups"] == ["plant.sensor-data.*", "east.plant.sensor-data.*"]


def test_topics_of_the_platform_are_told_to_stay(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    shared = {"name": "_cloudflow.schemas@default", "kafkaName": "_cloudflow.schemas"}
    status["topics"].append({**shared, "cluster": "default", "state": "Ready", "created": True})
    server.put(an_application(status=status))
    server.reacts = deletes
    told = cli(*DELETE, "-o", "json").data
    assert told["deletedTopics"] == ["plant.sensor-data.metrics"]
    assert told["keptTopics"] == ["alarms", "_cloudflow.schemas"]


def test_a_limit_of_time_has_a_unit(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    assert cli("undeploy", "sensor-data", "--timeout", "soon").status == Exit.USAGE
    assert server.writes == []
    assert cli("undeploy", "sensor-data", "--timeout", "30s").status == Exit.DONE


def test_without_an_operator_nothing_is_removed_and_no_topic_forgotten(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))
    outcome = cli(*DELETE, "--timeout", "0")
    assert outcome.status == Exit.FAILED
    assert "No operator took over the deletion of topics" in outcome.err
    assert ("delete", HERE) not in server.writes
    assert server.objects[HERE]["spec"].get("deletionPolicy") != "Delete"


def test_a_resource_that_says_delete_is_held_by_the_operator_before_it_goes(
    cli: CommandLine, server: FakeServer
) -> None:
    server.put(an_application())["spec"]["deletionPolicy"] = "Delete"
    assert cli("undeploy", "sensor-data", "--timeout", "0").status == Exit.FAILED
    holds(server)
    assert cli("undeploy", "sensor-data").status == Exit.DONE
    assert "deletionTimestamp" in server.objects[HERE]["metadata"]


def test_force_takes_the_hold_of_the_operator_away_and_no_other(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    server.put(an_application(status=status))["spec"]["deletionPolicy"] = "Delete"
    holds(server)
    outcome = cli("undeploy", "sensor-data", "--force")
    assert outcome.status == Exit.DONE
    assert server.objects[HERE]["metadata"]["finalizers"] == ["other/one"]
    assert "Kept: the topics plant.sensor-data.metrics, alarms." in outcome.out


def test_force_needs_no_operator(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())["spec"]["deletionPolicy"] = "Delete"
    assert cli("undeploy", "sensor-data", "--force", "--wait").status == Exit.DONE
    assert server.objects == {}


def test_force_and_topics_are_at_odds(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    assert cli(*DELETE, "--force").status == Exit.USAGE
    assert server.writes == []


def test_where_nobody_can_be_asked_topics_need_a_yes(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    outcome = cli("undeploy", "sensor-data", "--delete-topics")
    assert outcome.status == Exit.USAGE
    assert "Add --yes" in outcome.err
    assert server.writes == []


def test_a_wait_ends_with_what_the_operator_says(
    cli: CommandLine, server: FakeServer, status: Manifest
) -> None:
    status["message"] = "Kafka is away"
    server.put(an_application(status=status))
    server.reacts = holds
    outcome = cli(*DELETE, "--wait", "--timeout", "0")
    assert outcome.status == Exit.FAILED
    assert "Kafka is away" in outcome.err


def test_a_wait_lasts_until_the_pods_are_gone(cli: CommandLine, server: FakeServer) -> None:
    server.put(an_application())
    server.put(a_pod("v-1"))
    assert cli("undeploy", "sensor-data", "--wait", "--timeout", "0").status == Exit.FAILED
    server.put(an_application())
    server.objects.pop(Target(POD, "plant", "v-1"))
    assert cli("undeploy", "sensor-data", "--wait").out.startswith("sensor-data is gone")


@pytest.mark.parametrize("words", [(), ("--force",), ("--delete-topics", "--yes")])
def test_an_application_that_is_not_there_is_not_found(
    cli: CommandLine, server: FakeServer, words: tuple[str, ...]
) -> None:
    assert cli("undeploy", "sensor-data", *words).status == Exit.NOT_FOUND
