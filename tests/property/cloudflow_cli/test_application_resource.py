"""Whatever an application and its configuration: the resource says the same as they do."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloudflow_cli.application_resource import Release, resource, secret_key, secret_values
from cloudflow_operator.api.v1alpha1 import Application
from cloudflow_operator.desired.clusters import KafkaCluster
from cloudflow_operator.desired.intent import Intent
from cloudflow_operator.desired.runtime_config import streamlet_config
from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.layers import Layer
from streamlet_sdk.blueprint.resolution import resolve
from streamlet_sdk.contract import DeliveryOverride
from support.blueprints import an_application
from support.resources import ROOT, faults

RELEASE = Release(name="turbines", namespace="plant", image="i", sdk="0.1.0")
CLUSTERS = {
    name: KafkaCluster(properties={"bootstrap.servers": "k:1"}) for name in ("default", "x")
}
NOTHING = DeliveryOverride()
durations = st.integers(1, 10**7).map(lambda count: f"{count}ms")
words = st.text("abc=:.-_/ ü\n\"'", max_size=8)
properties = st.dictionaries(st.sampled_from(["linger.ms", "client.rack"]), words)
policies = st.fixed_dictionaries(
    {},
    optional={
        "guarantee": st.sampled_from(["at-least-once", "at-most-once"]),
        "retry": st.fixed_dictionaries(
            {}, optional={"attempts": st.integers(1, 9), "backoff": durations}
        ),
    },
)
streamlets = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 9),
        "config": st.fixed_dictionaries(
            {},
            optional={
                "commit-interval": durations,
                "window-bytes": st.integers(1, 10**9).map(str),
                "max-emissions": st.integers(1, 10**6),
            },
        ),
        "delivery": st.fixed_dictionaries({}, optional={"in": policies}),
        "config-parameters": st.fixed_dictionaries(
            {}, optional={"label": words, "token": words, "floor": st.floats(-1, 1).map(str)}
        ),
    },
)
topics = st.fixed_dictionaries(
    {},
    optional={
        "partitions": st.integers(1, 100),
        "replicas": st.integers(1, 3),
        "cluster": st.sampled_from(["default", "x"]),
        "managed": st.booleans(),
        "topic": st.fixed_dictionaries({}, optional={"retention.ms": st.integers(0, 10**15)}),
        "connection-config": properties,
        "producer-config": properties,
        "consumer-config": properties,
    },
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "streamlets": st.fixed_dictionaries({}, optional={"filter": streamlets}),
        "topics": st.fixed_dictionaries({}, optional={"raw": topics, "good": topics}),
    },
)


@given(sections)
def test_the_operator_tells_streamlets_what_the_configuration_says(
    section: dict[str, Any],
) -> None:
    configuration = configure(an_application(), [Layer("local.yaml", {"cloudflow": section})])
    manifest = resource(RELEASE, configuration.application, configuration.pods)
    assert list(faults(manifest, ROOT)) == []
    intent = Intent(Application.model_validate(manifest), CLUSTERS)
    assert intent.readings.problems == ()
    told = resolve(configuration, namespace="plant", application="turbines")
    secrets = secret_values(configuration.application)
    for name, ours in told.items():
        theirs = streamlet_config(intent, name, intent.descriptors[name])
        assert theirs.ports == ours.ports
        assert theirs.settings == ours.settings
        said = {inlet: one for inlet, one in ours.delivery.items() if one != NOTHING}
        assert theirs.delivery == said
        assert theirs.class_name == ours.class_name
        for key, source in ours.parameters.items():
            found = theirs.parameters[key].value
            assert (secrets[secret_key(name, key)] if found is None else found) == source.value
        assert theirs.parameters.keys() == ours.parameters.keys()
