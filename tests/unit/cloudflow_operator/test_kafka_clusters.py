"""What Secrets say of Kafka clusters, who is told of a change, and who gets a copy."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from cloudflow_operator.errors import ConflictError
from cloudflow_operator.interfaces import SECRET, Key
from cloudflow_operator.kafka_clusters import KafkaClusterBook, SecretCopies
from support.applications import NAME, NAMESPACE, a_document, a_topic
from support.cluster import FakeCluster
from support.kafka_secrets import LOGIN, SERVERS, a_secret
from testbed.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_operator.desired.clusters import KafkaCluster

APPLICATION = (NAMESPACE, NAME)


def book_of(*secrets: Any) -> KafkaClusterBook:
    book = KafkaClusterBook()
    for one in secrets:
        book.put(one)
    return book


def seen(data: Mapping[str, str | bytes], **secret: Any) -> KafkaCluster:
    return book_of(a_secret(data, **secret)).clusters()["default"]


def test_a_cluster_without_credentials_is_told_whole() -> None:
    found = seen({**SERVERS, "name.prefix": "east.", "default.partitions": "6 \n"})
    assert (found.prefix, found.partitions, found.replication_factor) == ("east.", 6, None)
    assert (found.properties, found.secret, found.problems) == (SERVERS, None, ())


@pytest.mark.parametrize(
    "data",
    [
        LOGIN,
        {"security.protocol": "SSL", "ssl.keystore.location": "me.pem", "me.pem": "KEY"},
    ],
    ids=["password", "key"],
)
def test_credentials_are_named_and_never_told(data: Mapping[str, str]) -> None:
    book = book_of(a_secret({**SERVERS, **data}))
    found = book.clusters()["default"]
    assert found.secret == "cloudflow-kafka-default"
    assert found.properties == {}
    assert "hidden" not in repr((found, book.connection("default")))


def test_a_file_for_pods_is_a_property_for_the_operator() -> None:
    authority = Authority()
    identity = authority.identity("client")
    tls = {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "ca.crt",
        "ca.crt": authority.pem,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": "me.pem",
        "me.pem": identity.pem,
    }
    book = book_of(a_secret({**SERVERS, **tls}, allowed=NAMESPACE))
    assert book.clusters()["default"].problems == ()
    connection = book.connection("default")
    assert connection is not None
    assert connection.servers == "broker:9092"
    assert connection.properties["ssl.truststore.certificates"] == authority.pem.strip()
    assert "PRIVATE KEY" in connection.properties["ssl.keystore.key"]
    assert "PRIVATE KEY" not in connection.properties["ssl.keystore.certificate.chain"]
    assert not any(name.endswith((".location", ".crt", ".pem")) for name in connection.properties)
    copy = book.copy("default", NAMESPACE)
    assert copy is not None
    assert {"ca.crt", "me.pem", "ssl.truststore.location"} <= copy["data"].keys()


RUBBISH: dict[str, tuple[dict[str, str | bytes], str]] = {
    "no servers": ({}, "bootstrap.servers"),
    "no host and port": ({"bootstrap.servers": "broker"}, "bootstrap.servers"),
    "no text": ({**SERVERS, "client.rack": b"\xff"}, "client.rack"),
    "an unknown property": ({**SERVERS, "seurity.protocol": "SSL"}, "seurity.protocol"),
    "a value that is not possible": ({**SERVERS, "acks": "0"}, "acks"),
    "no number": ({**SERVERS, "default.partitions": "many"}, "default.partitions"),
    "nothing of it": ({**SERVERS, "default.partitions": "0"}, "default.partitions"),
    "too large a number": (
        {**SERVERS, "default.replication.factor": "9" * 5000},
        "default.replication.factor",
    ),
    "a number of another script": (
        {**SERVERS, "default.partitions": "\N{ARABIC-INDIC DIGIT FOUR}"},
        "default.partitions",
    ),
    "a prefix that no topic may have": ({**SERVERS, "name.prefix": "a/"}, "name.prefix"),
    "a file that is not there": (
        {**SERVERS, "security.protocol": "SSL", "ssl.truststore.location": "/etc/ca.pem"},
        "ssl.truststore.location",
    ),
}


@pytest.mark.parametrize(("data", "key"), RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_a_problem_of_secret_and_entry(data: Any, key: str) -> None:
    book = book_of(a_secret(data))
    problems = book.clusters()["default"].problems
    assert f"Secret cloudflow/kafka-default: {key}" in [one.path for one in problems]
    assert book.connection("default") is None


def test_data_that_is_not_base64_is_a_problem() -> None:
    secret = a_secret(SERVERS)
    secret["data"]["client.rack"] = "%"
    assert book_of(secret).clusters()["default"].problems


def test_a_problem_does_not_show_a_password() -> None:
    login = {**LOGIN, "sasl.jaas.config": "LoginModule needed password=hidden"}
    problems = seen({**SERVERS, **login}).problems
    assert problems
    assert "hidden" not in "".join(map(str, problems))


def test_two_secrets_of_one_cluster_are_a_problem_of_both() -> None:
    one, two = (a_secret(SERVERS, name=name) for name in ("one", "two"))
    book = book_of(one, two)
    (problem,) = book.clusters()["default"].problems
    assert "one" in str(problem)
    assert "two" in str(problem)
    book.remove("one")
    assert book.clusters()["default"].problems == ()


def test_a_name_that_is_none_is_a_problem() -> None:
    book = book_of(a_secret(SERVERS, cluster="East.1", name="east"))
    assert book.clusters()["East.1"].problems


def test_a_change_is_told_to_those_who_use_the_cluster_once() -> None:
    book = book_of(a_secret(SERVERS))
    book.clusters_of(a_document(topics=[a_topic("raw", cluster="east")]))
    book.changed()
    book.put(a_secret(SERVERS, cluster="west"))
    assert book.changed() == frozenset()
    book.put(a_secret(SERVERS, cluster="east"))
    assert book.changed() == {APPLICATION}
    assert book.changed() == frozenset()
    book.put(a_secret(SERVERS, cluster="east"))
    assert book.changed() == frozenset()
    book.remove("kafka-east")
    assert book.changed() == {APPLICATION}
    book.forget(*APPLICATION)
    book.put(a_secret(SERVERS, cluster="east"))
    assert book.changed() == frozenset()


@pytest.mark.parametrize("topics", ["none", [None], [{"cluster": 7}], None])
def test_an_application_that_cannot_be_read_may_be_told(topics: Any) -> None:
    book = book_of()
    book.clusters_of(a_document(topics=topics))
    book.put(a_secret(SERVERS))
    assert book.changed() == {APPLICATION}


async def copied(book: KafkaClusterBook, namespace: str = NAMESPACE) -> FakeCluster:
    cluster = FakeCluster()
    await SecretCopies(book, cluster).ensure(namespace, ["default", "none"])
    return cluster


async def test_only_a_namespace_that_is_allowed_gets_a_copy() -> None:
    book = book_of(a_secret({**SERVERS, **LOGIN}, allowed=f"lab, {NAMESPACE}"))
    (made,) = (await copied(book)).objects.values()
    assert made["metadata"]["name"] == "cloudflow-kafka-default"
    decoded = {key: base64.b64decode(text).decode() for key, text in made["data"].items()}
    assert decoded == {**SERVERS, **LOGIN}
    assert (await copied(book, "other")).writes == []
    assert (await copied(book_of(a_secret({**SERVERS, **LOGIN})))).writes == []


async def test_what_needs_no_credentials_or_cannot_be_used_is_not_copied() -> None:
    assert (await copied(book_of(a_secret(SERVERS, allowed=NAMESPACE)))).writes == []
    assert (await copied(book_of(a_secret(LOGIN, allowed=NAMESPACE)))).writes == []


async def test_what_tells_the_operator_how_to_make_topics_is_not_copied() -> None:
    data = {**SERVERS, **LOGIN, "default.partitions": "3"}
    (made,) = (await copied(book_of(a_secret(data, allowed=NAMESPACE)))).objects.values()
    assert "default.partitions" not in made["data"]


async def test_a_copy_is_written_once_and_when_its_source_changes() -> None:
    data = {**SERVERS, **LOGIN}
    book, cluster = book_of(a_secret(data, allowed=NAMESPACE)), FakeCluster()
    copies = SecretCopies(book, cluster)
    for _ in range(2):
        await copies.ensure(NAMESPACE, ["default"])
    assert len(cluster.writes) == 1
    book.put(a_secret({**data, "client.rack": "a"}, allowed=NAMESPACE))
    await copies.ensure(NAMESPACE, ["default"])
    assert len(cluster.writes) == 2
    assert "client.rack" in cluster.objects[Key(SECRET, "cloudflow-kafka-default")]["data"]


async def test_a_secret_of_somebody_else_is_not_taken() -> None:
    cluster = FakeCluster()
    metadata = {"name": "cloudflow-kafka-default", "namespace": NAMESPACE}
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    cluster.put({**theirs, "data": {"bootstrap.servers": "eA=="}})
    copies = SecretCopies(book_of(a_secret({**SERVERS, **LOGIN}, allowed=NAMESPACE)), cluster)
    with pytest.raises(ConflictError) as caught:
        await copies.ensure(NAMESPACE, ["default"])
    assert "allowed-namespaces" in str(caught.value.hint)
