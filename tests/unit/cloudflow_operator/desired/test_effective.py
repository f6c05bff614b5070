"""Which layer wins, field by field, and where a value stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudflow_operator.desired.effective import Effective, effective
from support.applications import a_streamlet, an_application

if TYPE_CHECKING:
    from cloudflow_operator.desired.effective import EffectiveStreamlet


def merged(
    override: dict[str, Any] | None = None, below: dict[str, Any] | None = None, **fields: Any
) -> Effective:
    return effective(
        an_application(
            streamlets=[a_streamlet("validation", **fields)],
            overrides=[] if override is None else [{"name": "validation", **override}],
            runtimes=[] if below is None else [{"name": "python", **below}],
        ).spec
    )


def validation(*args: Any, **fields: Any) -> EffectiveStreamlet:
    return merged(*args, **fields).streamlets["validation"]


def test_replicas_of_the_override_win_even_if_they_are_none() -> None:
    assert validation(replicas=2).replicas == 2
    assert validation({"replicas": 0}, replicas=2).replicas == 0
    assert validation({"settings": {}}, replicas=2).replicas == 2
    assert validation().replicas is None


def test_parameters_win_by_name_with_value_and_reference_alike() -> None:
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    parameters = validation(
        {"parameters": [{"name": "a", "valueFrom": source}]},
        parameters=[{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
    ).parameters
    assert parameters["a"].value is None
    assert parameters["b"].value == "2"


def test_settings_win_by_key_over_those_of_the_runtime() -> None:
    made = validation(
        {"settings": {"c": "3"}},
        {"settings": {"a": "0", "b": "0", "c": "0"}},
        settings={"b": "2", "c": "2"},
    )
    assert made.settings == {"a": "0", "b": "2", "c": "3"}


def test_policies_win_by_inlet_and_part() -> None:
    delivery = validation(
        {"delivery": [{"inlet": "in", "retry": {"attempts": 9}}]},
        delivery=[
            {"inlet": "in", "retry": {"attempts": 1, "backoff": "1s"}, "onExhausted": "stop"},
            {"inlet": "other", "guarantee": "at-most-once"},
        ],
    ).delivery
    assert delivery["in"].model_dump(exclude_none=True) == {
        "inlet": "in",
        "retry": {"attempts": 9, "backoff": "1s"},
        "on_exhausted": "stop",
    }
    assert delivery["other"].guarantee == "at-most-once"


def test_claims_win_by_mount() -> None:
    claims = [{"mount": "a", "claimName": "one"}, {"mount": "b", "claimName": "one"}]
    override = {"volumeClaims": [{"mount": "b", "claimName": "two"}]}
    assert validation(override, volumeClaims=claims).claims == {"a": "one", "b": "two"}


def test_templates_come_in_the_order_in_which_they_win() -> None:
    one, two, three = ({"spec": {"nodeName": name}} for name in "abc")
    patches = validation({"podTemplate": three}, {"podTemplate": one}, podTemplate=two).patches
    assert [(one.path, one.content) for one in patches] == [
        ("spec.runtimes.python.podTemplate", one),
        ("spec.streamlets.validation.podTemplate", two),
        ("spec.overrides.validation.podTemplate", three),
    ]


def test_an_image_of_its_own_wins_over_that_of_all() -> None:
    assert validation(image="own:1").image == "own:1"
    assert validation().image == an_application().spec.image


def test_a_streamlet_of_another_runtime_has_nothing_of_this_one() -> None:
    assert validation(None, {"settings": {"a": "1"}}, runtime="other").settings == {}


def test_a_value_is_said_to_stand_where_the_winner_set_it() -> None:
    origins = merged(
        {"settings": {"c": "3"}, "replicas": 1},
        {"settings": {"a": "0", "b": "0", "c": "0"}},
        settings={"b": "2"},
    ).origins
    place = "spec.streamlets.validation.settings"
    assert origins == {
        f"{place}.a": "spec.runtimes.python.settings.a",
        f"{place}.c": "spec.overrides.validation.settings.c",
        "spec.streamlets.validation.replicas": "spec.overrides.validation.replicas",
    }
