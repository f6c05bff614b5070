"""Whatever fits together verifies; whatever is broken is reported; nothing else is raised."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from streamlet_sdk.blueprint.configuration import configure
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.graph import FORMATS
from streamlet_sdk.blueprint.layers import Layer
from streamlet_sdk.blueprint.resolution import resolve
from streamlet_sdk.blueprint.verify import verify
from streamlet_sdk.errors import ConfigurationError
from support.blueprints import a_document, an_application, descriptors, problems_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlet_sdk.problems import Problem

KNOWN = descriptors()
APPLICATION = an_application()
PORTS = {"Ingress": ([], ["out"]), "Filter": (["in"], ["out"]), "Logger": (["in"], [])}

names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)


@st.composite
def blueprints(draw: st.DrawFn) -> dict[str, Any]:
    """Documents in which every port is wired to some topic."""
    classes = st.sampled_from(sorted(PORTS))
    streamlets = draw(st.dictionaries(names, classes, min_size=1, max_size=8))
    count = draw(st.integers(1, 5))
    topics: dict[str, dict[str, Any]] = {
        f"Topic_{number}.x": {"producers": [], "consumers": []} for number in range(count)
    }
    for name, cls in streamlets.items():
        for side, ports in zip(("consumers", "producers"), PORTS[cls], strict=True):
            for port in ports:
                topic = draw(st.sampled_from(sorted(topics)))
                topics[topic][side].append(f"{name}.{port}")
    for settings in topics.values():
        settings.update(draw(st.fixed_dictionaries({}, optional={"partitions": st.integers(1, 9)})))
    classes_of = {name: f"turbines.{cls}" for name, cls in streamlets.items()}
    return {"blueprint": {"streamlets": classes_of, "topics": topics}}


@given(blueprints())
def test_a_blueprint_that_fits_together_verifies_and_can_be_drawn_and_run(
    document: dict[str, Any],
) -> None:
    application = verify(parse(document), KNOWN)
    for name, streamlet in application.streamlets.items():
        for port in (*streamlet.descriptor.inlets, *streamlet.descriptor.own_outlets()):
            assert application.topic_of(name, port.name) is not None
    configs = resolve(configure(application), namespace="n", application="a")
    assert set(configs) == set(application.streamlets)
    assert all(form(application) for form in FORMATS.values())


def _a_port(document: dict[str, Any]) -> tuple[list[str], int] | None:
    lists = [
        topic[side]
        for topic in document["blueprint"]["topics"].values()
        for side in ("producers", "consumers")
        if topic[side]
    ]
    return (lists[0], 0) if lists else None


def _misspell_class(document: dict[str, Any]) -> str:
    streamlets = document["blueprint"]["streamlets"]
    streamlets[next(iter(streamlets))] += "x"
    return "UnknownClass"


def _misspell_streamlet(document: dict[str, Any]) -> str | None:
    if (found := _a_port(document)) is None:
        return None
    found[0][found[1]] = f"no-{found[0][found[1]]}"
    return "UnknownStreamlet" if found[0][0].split(".")[0] else None


def _misspell_port(document: dict[str, Any]) -> str | None:
    if (found := _a_port(document)) is None:
        return None
    found[0][found[1]] += "-no"
    return "UnknownPort"


def _list_twice(document: dict[str, Any]) -> str | None:
    if (found := _a_port(document)) is None:
        return None
    found[0].append(found[0][found[1]])
    return "PortListedTwice"


def _wire_twice(document: dict[str, Any]) -> str | None:
    for topic in document["blueprint"]["topics"].values():
        if topic["consumers"]:
            document["blueprint"]["topics"]["other"] = {"consumers": [topic["consumers"][0]]}
            return "PortInManyTopics"
    return None


def _unwire(document: dict[str, Any]) -> str | None:
    for topic in document["blueprint"]["topics"].values():
        if topic["consumers"]:
            topic["consumers"].pop()
            return "UnconnectedInlet"
    return None


def _add_key(document: dict[str, Any]) -> str:
    next(iter(document["blueprint"]["topics"].values()))["partition"] = 1
    return "UnknownKey"


def _break_name(document: dict[str, Any]) -> str:
    document["blueprint"]["topics"]["not a name"] = {}
    return "InvalidTopicName"


MUTATIONS: list[Callable[[dict[str, Any]], str | None]] = [
    _misspell_class,
    _misspell_streamlet,
    _misspell_port,
    _list_twice,
    _wire_twice,
    _unwire,
    _add_key,
    _break_name,
]


@given(blueprints(), st.sampled_from(MUTATIONS))
def test_every_way_to_break_it_is_reported(
    document: dict[str, Any], mutate: Callable[[dict[str, Any]], str | None]
) -> None:
    broken = copy.deepcopy(document)
    expected = mutate(broken)
    if expected is not None:
        assert expected in {type(problem).__name__ for problem in problems_of(broken, KNOWN)}


WORDS = [
    *("blueprint", "streamlets", "topics", "class", "replicas", "parameters", "delivery", "in"),
    *("retry", "attempts", "producers", "consumers", "topic", "name", "partitions", "cluster"),
    *("cloudflow", "runtimes", "python", "config", "config-parameters", "window-records"),
    *("filter", "ingress", "raw", "floor", "connection-config", "bootstrap", "servers"),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["turbines.Filter", "filter.in", "filter.out", "a.b", ""]),
    st.text(max_size=5),
)
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=3), st.integers(0, 3), st.none())
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=25,
)


@given(documents)
def test_no_document_raises_anything_but_a_blueprint_error(document: object) -> None:
    for whole in (document, {"blueprint": document}, a_document(topics=document)):
        assert all(str(problem) for problem in problems_of(whole, KNOWN))


@given(st.lists(documents, max_size=3))
def test_no_configuration_raises_anything_but_a_configuration_error(
    written: list[object],
) -> None:
    layers = [Layer(f"{number}.yaml", one) for number, one in enumerate(written)]
    inner = [Layer(one.name, {"cloudflow": one.values}) for one in layers]
    for sandbox, chosen in ((True, layers), (False, inner)):
        assert all(str(problem) for problem in _configuration_problems(chosen, sandbox=sandbox))


def _configuration_problems(layers: list[Layer], *, sandbox: bool) -> tuple[Problem, ...]:
    try:
        configure(APPLICATION, layers, sandbox=sandbox)
    except ConfigurationError as error:
        return error.problems
    return ()


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 3))
def test_the_highest_layer_that_sets_a_value_wins_and_is_named(
    sets: list[bool], other: int
) -> None:
    names = ["blueprint", "a.yaml", "b.yaml", "command line"]
    document = a_document()
    if sets[0]:
        document["blueprint"]["streamlets"]["filter"]["parameters"] = {"label": "from blueprint"}
    layers = [
        Layer(
            name,
            {
                "cloudflow": {
                    "streamlets": {
                        "filter": {
                            "config-parameters": {"label": f"from {name}"} if is_set else {},
                            **({"replicas": number} if number == other else {}),
                        }
                    }
                }
            },
        )
        for number, (name, is_set) in enumerate(zip(names, sets, strict=True))
        if number > 0
    ]
    configuration = configure(an_application(document, KNOWN), layers)
    winner = next(
        (name for name, is_set in zip(names[::-1], sets[::-1], strict=True) if is_set), None
    )
    parameters = configuration.application.streamlets["filter"].parameters
    assert parameters.get("label") == (None if winner is None else f"from {winner}")
    assert configuration.application.streamlets["filter"].replicas == (other or None)
