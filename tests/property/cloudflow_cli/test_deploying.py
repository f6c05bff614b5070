"""Whatever is deployed and configured: secrets stay secret, and merging is saying both."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudflow_cli.app import PROGRAM, program
from cloudflow_cli.deploying import overrides, secret_values
from cloudflow_cli.deploying.changes import changes
from cloudflow_operator.desired.children import workload
from cloudflow_operator.desired.effective import effective
from cloudflow_operator.desired.intent import Intent
from support.applications import CLUSTERS, NAME, MetricsIngress, Validation, a_streamlet
from support.deploying import a_file, a_resource, a_server, application
from support.kube_server import serve

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "cloudflow.streamlets.validation.config-parameters.token"
# Long enough to be nowhere by chance.
SECRETS = st.text("abcdefghXYZ0189 =.:'\"{}$%ü\\", min_size=8, max_size=20).map(
    lambda text: f"hush{text}"
)
VALUES = st.sampled_from(["0.5", "1.5", "2.5"])
ENTRIES = st.fixed_dictionaries(
    {"name": st.sampled_from(["ingress", "validation"])},
    optional={
        "replicas": st.integers(0, 3),
        "settings": st.dictionaries(
            st.sampled_from(["window-records", "max-emissions"]),
            st.integers(1, 9).map(str),
            min_size=1,
        ),
    },
)
OF_VALIDATION = st.fixed_dictionaries(
    {"name": st.just("validation")},
    optional={
        "replicas": st.integers(0, 3),
        "parameters": st.one_of(
            VALUES.map(lambda text: [{"name": "floor", "value": text}]),
            st.just([{"name": "label", "value": "fine"}]),
        ),
        "delivery": st.one_of(
            st.integers(1, 5).map(lambda number: [{"inlet": "in", "retry": {"attempts": number}}]),
            st.sampled_from(["skip", "stop"]).map(
                lambda word: [{"inlet": "in", "onExhausted": word}]
            ),
            st.just([{"inlet": "in", "retry": {"backoff": "2s"}}]),
        ),
        "podTemplate": st.sampled_from(
            [
                {"metadata": {"labels": {"a": "1"}}},
                {"metadata": {"labels": {"b": "2"}}},
                {"spec": {"priorityClassName": "high"}},
            ]
        ),
    },
)
LISTS = st.lists(ENTRIES | OF_VALIDATION, max_size=4)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Everything that one command after another writes to people, on a new cluster."""
    file = a_file(tmp_path_factory.mktemp("resource"), a_resource())

    def called(*commands: tuple[str, ...]) -> str:
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            serve(patch, a_server())
            for words in commands:
                given_ = [file if word == "FILE" else word for word in words]
                with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit):
                    program().main(given_, prog_name=PROGRAM)
        return said.getvalue()

    return called


@given(first=SECRETS, second=SECRETS, form=st.sampled_from(["table", "json", "yaml"]))
def test_values_of_secrets_are_never_shown(
    call: Callable[..., str], first: str, second: str, form: str
) -> None:
    said = call(
        ("plan", "FILE", f"{TOKEN}={first}", "-o", form, "-v"),
        ("deploy", "FILE", f"{TOKEN}={first}", "-o", form, "-v"),
        ("deploy", "FILE", f"{TOKEN}={first}", "--dry-run", "client", "-o", form),
        ("configure", NAME, f"{TOKEN}={second}", "-o", form, "-v"),
        ("configure", NAME, f"{TOKEN}={first}", "-v"),
        ("configure", NAME, f"{TOKEN}x={second}", "-v"),
        ("configure", NAME, f"{TOKEN}={second}", "cloudflow.topics.none.partitions=0", "-v"),
        ("deploy", "FILE", f"{TOKEN}.below={first}", "-v"),
        ("configuration", NAME, "--explain", "-o", form),
        ("deploy", "FILE", "--reset", "-v"),
    )
    plain = {first, second, json.dumps(first)[1:-1], json.dumps(second)[1:-1]}
    assert not [text for text in plain if text in said]
    assert "hush" not in said


@given(before=LISTS, added=LISTS, more=LISTS)
def test_merging_is_associative_and_saying_it_twice_is_saying_it_once(
    before: list[Any], added: list[Any], more: list[Any]
) -> None:
    before = overrides.merged([], before)
    merged = overrides.merged
    assert merged(merged(before, added), more) == merged(before, merged(merged([], added), more))
    assert merged(merged(before, added), added) == merged(before, added)


@given(before=LISTS, added=LISTS)
def test_an_override_over_another_does_what_both_do_in_turn(
    before: list[Any], added: list[Any]
) -> None:
    """The operator merges an override into its streamlet by the same rules."""
    streamlets = [a_streamlet("ingress", MetricsIngress), a_streamlet("validation", Validation)]
    below = overrides.merged(streamlets, overrides.merged([], before))
    at_once = application(
        streamlets=streamlets, overrides=overrides.merged(overrides.merged([], before), added)
    )
    in_turn = application(streamlets=below, overrides=overrides.merged([], added))
    for name, found in effective(at_once.spec).streamlets.items():
        other = effective(in_turn.spec).streamlets[name]
        for field in ("replicas", "parameters", "settings", "delivery", "claims"):
            assert getattr(found, field) == getattr(other, field)


@given(before=LISTS, after=LISTS)
def test_differences_are_none_if_and_only_if_the_same_is_set(
    before: list[Any], after: list[Any]
) -> None:
    old, new = overrides.merged([], before), overrides.merged([], after)
    found = overrides.differences(old, new, {})
    empty = [one for one in (*old, *new) if len(one) == 1]
    names = {one["name"] for one in empty}
    kept = [
        {one["name"]: one for one in entries if one["name"] not in names or len(one) > 1}
        for entries in (old, new)
    ]
    assert bool(found) == (kept[0] != kept[1])


@given(before=LISTS, after=LISTS)
def test_a_restart_is_told_if_and_only_if_the_operator_makes_one(
    before: list[Any], after: list[Any]
) -> None:
    old = application(overrides=overrides.merged([], before))
    new = application(overrides=overrides.merged([], after))
    found = changes(old, new, CLUSTERS)
    for change in found.streamlets:
        hashes = {
            workload(intent, change.name, intent.descriptors[change.name]).inputs
            for intent in (Intent(old, CLUSTERS), Intent(new, CLUSTERS))
        }
        assert (change.fate == "restarts") == (len(hashes) > 1) == bool(change.why)
        # No reason may be the one that is for what nobody thought of.
        assert "what its pods are made of" not in change.why


@given(values=st.lists(st.sampled_from("abc"), min_size=2, max_size=12))
def test_another_value_is_another_reference_and_the_same_is_the_same(values: list[str]) -> None:
    stored: dict[str, str] = {}
    keys: list[str] = []
    for text in values:
        (key,) = secret_values.keys({"filter.token": text}, stored).values()
        # What pods of before read stays.
        stored = {**secret_values.kept(stored, keys[-1:]), key: text}
        keys.append(key)
        assert stored[key] == text
    pairs = zip(keys, keys[1:], values, values[1:], strict=False)
    assert all((one == other) == (text == next_) for one, other, text, next_ in pairs)
