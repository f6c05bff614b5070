"""What the platform mounts is read as it is mounted, and all that is wrong is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamlet_sdk import Inlet, Parameter, Streamlet
from streamlet_sdk.contract import Binding, ParameterSource, StreamletConfig
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.runtime.instances import instance
from streamlet_sdk.runtime.pod.files import contract
from support.pod import contract_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Keyed(Streamlet):
    """Has a secret."""

    in_ = Inlet(bytes)
    token = Parameter(str, secret=True, description="Proves who we are.")

    @in_.each
    def take(self, data: bytes) -> None:
        """Nothing."""


def a_config(*clusters: str, parameters: Mapping[str, ParameterSource] | None = None) -> object:
    """A streamlet with a port on each cluster."""
    return StreamletConfig.model_validate(
        {
            "application": "app",
            "streamlet": "worker",
            "class": "module:Worker",
            "ports": {
                f"in{number}": Binding(topic="t", kafka_name="t", cluster=cluster)
                for number, cluster in enumerate(clusters)
            },
            "parameters": parameters or {},
        }
    )


def mounted(folder: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """A volume of a Secret as the kubelet makes it: links to a folder that it can exchange."""
    volume = folder / name
    data = volume / "..2026_01_01"
    data.mkdir(parents=True)
    volume.joinpath("..data").symlink_to(data.name)
    for key, value in files.items():
        data.joinpath(key).write_bytes(value)
        volume.joinpath(key).symlink_to(f"..data/{key}")
    return volume


def told(folder: Path, config: object) -> str:
    """What is said of files that cannot be used."""
    assert isinstance(config, StreamletConfig)
    contract_folder(folder, config, {})
    with pytest.raises(ConfigurationError) as caught:
        contract(folder)
    return str(caught.value)


def test_a_mounted_secret_is_a_cluster_without_the_entries_of_the_kubelet(tmp_path: Path) -> None:
    contract_folder(tmp_path, a_config("default"), {})
    mounted(
        tmp_path / "kafka",
        "default",
        {"bootstrap.servers": b"kafka:9092\n", "security.protocol": b"SSL\n"},
    )
    cluster = contract(tmp_path).clusters["default"]
    assert cluster.servers == "kafka:9092"
    assert cluster.properties == {"security.protocol": "SSL"}


def test_a_location_is_a_file_beside_it_and_that_file_is_no_property(tmp_path: Path) -> None:
    contract_folder(tmp_path, a_config("default"), {})
    volume = mounted(
        tmp_path / "kafka",
        "default",
        {
            "bootstrap.servers": b"kafka:9092",
            "ssl.truststore.location": b"trust.p12\n",
            "ssl.keystore.location": b"/elsewhere/key.pem",
            "trust.p12": b"\xff\xfe no text",
        },
    )
    assert contract(tmp_path).clusters["default"].properties == {
        "ssl.truststore.location": str(volume / "trust.p12"),
        "ssl.keystore.location": "/elsewhere/key.pem",
    }


def test_entries_that_tell_the_operator_how_to_make_topics_are_no_properties(
    tmp_path: Path,
) -> None:
    entries = {
        "bootstrap.servers": "kafka:9092",
        "default.partitions": "3",
        "default.replication.factor": "3",
        "name.prefix": "team.",
    }
    contract_folder(tmp_path, a_config("default"), {"default": entries})
    assert contract(tmp_path).clusters["default"].properties == {}


def test_each_cluster_that_a_port_is_on_is_read_and_no_other(tmp_path: Path) -> None:
    clusters = {
        "default": {"bootstrap.servers": "one:1"},
        "far": {"bootstrap.servers": "two:2", "client.rack": "b"},
        "unused": {},
    }
    contract_folder(tmp_path, a_config("default", "far", "far"), clusters)
    found = contract(tmp_path).clusters
    assert {name: each.servers for name, each in found.items()} == {
        "default": "one:1",
        "far": "two:2",
    }
    assert found["far"].properties == {"client.rack": "b"}


def test_everything_that_is_wrong_with_clusters_is_told_at_once(tmp_path: Path) -> None:
    mounted(tmp_path / "kafka", "odd", {"bootstrap.servers": b"a:1", "sasl.jaas.config": b"\xff"})
    text = told(tmp_path, a_config("missing", "odd"))
    assert "Kafka cluster 'missing' has no bootstrap.servers." in text
    assert "Put bootstrap.servers into the Secret of the cluster." in text
    assert "sasl.jaas.config: it cannot be read: it is not UTF-8." in text


def test_a_folder_without_a_contract_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        contract(tmp_path / "nowhere")
    assert "nowhere/streamlet.json: it cannot be read: No such file" in str(caught.value)
    assert "--config" in str(caught.value)


def test_a_secret_parameter_is_read_from_its_file_without_the_last_newline(tmp_path: Path) -> None:
    source = ParameterSource(file="secrets/token")
    contract_folder(tmp_path, a_config(parameters={"token": source}), {})
    mounted(tmp_path, "secrets", {"token": b" two\nlines \n"})
    made = instance(Keyed, contract(tmp_path).config)
    assert made.token == " two\nlines "


def test_a_cluster_does_not_show_its_credentials(tmp_path: Path) -> None:
    entries = {"bootstrap.servers": "kafka:9092", "sasl.jaas.config": "password=hunter2"}
    contract_folder(tmp_path, a_config("default"), {"default": entries})
    assert "hunter2" not in repr(contract(tmp_path))
