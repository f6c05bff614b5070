"""Entries of `spec.overrides`: merged by name, told apart, secrets hidden."""

from __future__ import annotations

from typing import Any

from cloudflow_cli.deploying.overrides import Difference, composed, differences, merged

SECRET = {"secretKeyRef": {"name": "app-parameters", "key": "overrides.filter.token"}}
LATER = {"secretKeyRef": {"name": "app-parameters", "key": "overrides.filter.token.2"}}


def entry(**fields: Any) -> dict[str, Any]:
    return {"name": "filter", **fields}


def told(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    return differences([entry(**before)], [entry(**after)], {"filter": ["token"]})


def test_what_is_not_said_again_stays() -> None:
    before = [entry(replicas=2, settings={"a": "1"}), {"name": "logger", "replicas": 1}]
    after = merged(before, [entry(settings={"b": "2"})])
    assert after == [entry(replicas=2, settings={"a": "1", "b": "2"}), before[1]]


def test_a_new_entry_comes_last() -> None:
    assert merged([entry()], [{"name": "a"}, {"name": "b"}]) == [
        entry(),
        {"name": "a"},
        {"name": "b"},
    ]


def test_a_value_takes_the_place_of_a_reference_and_the_reverse() -> None:
    value, reference = {"name": "p", "value": "1"}, {"name": "p", "valueFrom": SECRET}
    for first, second in ((value, reference), (reference, value)):
        (found,) = merged([entry(parameters=[first])], [entry(parameters=[second])])
        assert found["parameters"] == [second]


def test_policies_are_merged_by_inlet_and_part() -> None:
    before = [{"inlet": "in", "guarantee": "at-most-once", "retry": {"attempts": 3}}]
    added = [{"inlet": "in", "retry": {"backoff": "1s"}}, {"inlet": "other", "guarantee": "x"}]
    (found,) = merged([entry(delivery=before)], [entry(delivery=added)])
    retry = {"attempts": 3, "backoff": "1s"}
    assert found["delivery"] == [
        {"inlet": "in", "guarantee": "at-most-once", "retry": retry},
        added[1],
    ]


def test_neither_side_is_changed() -> None:
    before, added = [entry(settings={"a": "1"})], [entry(settings={"b": "2"})]
    merged(before, added)
    assert (before, added) == ([entry(settings={"a": "1"})], [entry(settings={"b": "2"})])


def test_patches_are_merged_by_the_names_of_their_entries() -> None:
    one = {"spec": {"containers": [{"name": "streamlet", "env": [{"name": "A", "value": "1"}]}]}}
    two = {"spec": {"containers": [{"name": "streamlet", "env": [{"name": "B", "value": "2"}]}]}}
    (container,) = composed(one, two)["spec"]["containers"]
    assert [variable["name"] for variable in container["env"]] == ["A", "B"]


def test_a_patch_that_removes_something_below_still_does() -> None:
    assert composed({"spec": {"a": 1}}, {"spec": {"a": None}}) == {"spec": {"a": None}}


def test_a_patch_that_replaces_a_section_takes_the_place_of_what_was_said() -> None:
    replaced = {"spec": {"$patch": "replace", "b": 1}}
    assert composed({"spec": {"a": 1}}, replaced) == replaced


def test_differences_are_told_under_the_keys_of_a_configuration() -> None:
    found = told(
        {"replicas": 1, "settings": {"window-records": "5"}},
        {"replicas": 2, "volumeClaims": [{"mount": "models", "claimName": "m"}]},
    )
    assert found == [
        Difference("cloudflow.streamlets.filter.replicas", "1", "2"),
        Difference("cloudflow.streamlets.filter.config.window-records", "5", None),
        Difference("cloudflow.streamlets.filter.volume-claims.models", None, "m"),
    ]


def test_another_value_of_a_secret_is_a_difference_that_shows_neither() -> None:
    (found,) = told(
        {"parameters": [{"name": "token", "valueFrom": SECRET}]},
        {"parameters": [{"name": "token", "valueFrom": LATER}]},
    )
    path = "cloudflow.streamlets.filter.config-parameters.token"
    assert found == Difference(path, "***", "***")


def test_a_secret_that_somebody_wrote_as_a_value_is_hidden_too() -> None:
    found = told({}, {"parameters": [{"name": "token", "value": "hush"}]})
    assert "hush" not in str(found)


def test_the_same_is_no_difference() -> None:
    fields: dict[str, Any] = {
        "replicas": 0,
        "parameters": [{"name": "token", "valueFrom": SECRET}, {"name": "floor", "value": "1"}],
        "podTemplate": {"spec": {"priorityClassName": "high"}},
    }
    assert told(fields, fields) == []
