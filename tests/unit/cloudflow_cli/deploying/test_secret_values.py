"""Keys of secret values: one key never has two values."""

from __future__ import annotations

from cloudflow_cli.deploying import secret_values


def test_the_first_value_has_the_plain_key() -> None:
    assert secret_values.keys({"filter.token": "a"}, {}) == {"filter.token": "filter.token"}


def test_the_same_value_keeps_its_key() -> None:
    stored = {"filter.token": "a", "filter.token.2": "b"}
    assert secret_values.keys({"filter.token": "b"}, stored) == {"filter.token": "filter.token.2"}


def test_another_value_gets_a_key_that_was_never_used() -> None:
    stored = {"filter.token.7": "a", "filter.token.x": "c", "filter.token-b": "c"}
    assert secret_values.keys({"filter.token": "c"}, stored) == {"filter.token": "filter.token.8"}


def test_values_of_a_deployment_and_of_configure_never_share_a_key() -> None:
    # A streamlet may be called as the prefix is.
    deployed = ("overrides.token", "overrides.token.2", "filter.token.3")
    configured = secret_values.of_overrides({"overrides.token": "a", "filter.token": "b"})
    assert not any(map(secret_values.is_of_overrides, deployed))
    assert all(map(secret_values.is_of_overrides, configured.values()))
    assert secret_values.is_of_overrides("overrides.filter.token.2")
    keys = secret_values.keys({"overrides.filter.token": "c"}, {"overrides.filter": "a"})
    assert keys == {"overrides.filter.token": "overrides.filter.token"}


def test_only_references_to_the_own_secret_are_moved() -> None:
    own = {"name": "a", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "k"}}}
    other = {"name": "b", "valueFrom": {"secretKeyRef": {"name": "other", "key": "k"}}}
    plain = {"name": "c", "value": "k"}
    (found,) = secret_values.renamed(
        [{"name": "s", "parameters": [own, other, plain]}], "mine", {"k": "k.2"}
    )
    moved = {"name": "a", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "k.2"}}}
    assert found["parameters"] == [moved, other, plain]


def test_what_is_stored_is_read_back() -> None:
    application = {
        "apiVersion": "v",
        "kind": "K",
        "metadata": {"name": "app", "namespace": "plant", "uid": "1"},
    }
    values = {"filter.token": "hush ü\n", "a": ""}
    made = secret_values.manifest(application, values)
    assert secret_values.decoded(made) == values
    assert made["metadata"]["ownerReferences"][0]["uid"] == "1"
    assert secret_values.decoded(None) == {}
