"""A whole blueprint in the kit: from documents, in parts, with all that a deployment checks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Streamlet, VolumeMount, source
from streamlet_sdk.errors import BlueprintError, CloudflowError, ConfigurationError, EncodeError
from streamlet_sdk.ingress import HttpIngress
from streamlet_sdk.testing import ApplicationKit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamlet_sdk.testing import ApplicationKits


class Number(BaseModel):
    """A number."""

    value: int


class Ingress(HttpIngress):
    """Takes numbers."""

    out = Outlet(Number)


class Times(Streamlet):
    """Multiplies; a 13 is refused."""

    in_ = Inlet(Number)
    out = Outlet(Number)

    factor = Parameter(int, default=2)
    tables = VolumeMount("/tables")

    @in_.each
    def multiply(self, number: Number) -> Emission[Number]:
        if number.value == 13:
            raise ValueError("thirteen")
        return self.out(Number(value=number.value * self.factor))


class Sink(Streamlet):
    """Keeps numbers."""

    in_ = Inlet(Number)

    async def start(self) -> None:
        self.kept: list[int] = []

    @in_.each
    def keep(self, number: Number) -> None:
        self.kept.append(number.value)


def a_blueprint(**changes: Any) -> dict[str, Any]:
    streamlets = {"ingress": Ingress, "times": Times, "sink": Sink}
    topics = {
        "numbers": {"producers": ["ingress.out"], "consumers": ["times.in"]},
        "products": {"producers": ["times.out"], "consumers": ["sink.in"], "partitions": 3},
    }
    return {"blueprint": {"streamlets": streamlets, "topics": topics} | changes}


def numbers(*values: int) -> list[Number]:
    return [Number(value=value) for value in values]


def test_records_flow_through_the_whole_application(application_kit: ApplicationKits) -> None:
    kit = application_kit(a_blueprint())
    assert kit.request("ingress", "POST", "/", json={"value": 4}).status == 202
    kit.feed("numbers", *numbers(5))
    kit.run()
    assert kit.values("numbers") == numbers(4, 5)
    assert sorted(one.value for one in kit.values("products")) == [8, 10]
    sink = kit.streamlet("sink")
    assert isinstance(sink, Sink)
    assert sorted(sink.kept) == [8, 10]
    assert {name: one.received for name, one in kit.counters.items()} == {
        "ingress": 0,
        "times": 2,
        "sink": 2,
    }


def test_a_port_may_be_named_instead_of_its_topic(application_kit: ApplicationKits) -> None:
    kit = application_kit(a_blueprint())
    kit.feed("times.in", *numbers(1))
    kit.run()
    assert kit.values("times.out") == kit.values("sink.in") == numbers(2)


def test_a_part_of_an_application_can_run_alone(application_kit: ApplicationKits) -> None:
    config = {"cloudflow": {"streamlets": {"sink": {"replicas": 3}}}}
    kit = application_kit(a_blueprint(), only=["times"], config=config)
    kit.feed("numbers", *numbers(1, 2, 3))
    kit.run()
    assert sorted(one.value for one in kit.values("products")) == [2, 4, 6]
    assert list(kit.counters) == ["times"]


def test_dead_letters_are_told_by_streamlet_and_inlet(application_kit: ApplicationKits) -> None:
    kit = application_kit(a_blueprint())
    kit.feed("numbers", *numbers(13))
    kit.feed_raw("products", b"rubbish")
    kit.run()
    (refused,) = kit.dead_letters("times", "in")
    assert (refused.value, refused.message) == (Number(value=13), "thirteen")
    (rubbish,) = kit.dead_letters("sink", "in")
    assert (rubbish.data, rubbish.reason) == (b"rubbish", "decode")
    letters = kit.received("times-in-dead-letters")
    assert [letter.value for letter in letters] == [refused.data]


def test_dead_letters_of_several_inlets_may_share_a_topic(
    application_kit: ApplicationKits,
) -> None:
    blueprint = a_blueprint()
    blueprint["blueprint"]["topics"]["trouble"] = {
        "producers": ["times.in-dead-letters", "sink.in-dead-letters"]
    }
    kit = application_kit(blueprint)
    kit.feed_raw("numbers", b"a")
    kit.feed_raw("products", b"b")
    kit.run()
    assert [one.data for one in kit.dead_letters("times", "in")] == [b"a"]
    assert [one.data for one in kit.dead_letters("sink", "in")] == [b"b"]


def test_an_inlet_without_dead_letters_has_none(application_kit: ApplicationKits) -> None:
    config = {
        "cloudflow": {"streamlets": {"times": {"delivery": {"in": {"on-exhausted": "skip"}}}}}
    }
    kit = application_kit(a_blueprint(), config=config)
    kit.feed_raw("numbers", b"a")
    kit.run()
    assert kit.dead_letters("times", "in") == []
    assert kit.counters["times"].skipped == 1


def test_the_blueprint_and_the_configuration_set_parameters(
    application_kit: ApplicationKits,
) -> None:
    streamlets = {"times": {"class": Times, "replicas": 2, "parameters": {"factor": 3}}}
    topics = {"numbers": {"consumers": ["times.in"]}, "products": {"producers": ["times.out"]}}
    blueprint = {"blueprint": {"streamlets": streamlets, "topics": topics}}
    kit = application_kit(blueprint)
    kit.feed("numbers", *numbers(1, 2))
    kit.run()
    assert sorted(one.value for one in kit.values("products")) == [3, 6]
    assert [one.partition for one in kit.received("numbers")] == [0, 1]
    parameters = {"config-parameters": {"factor": 10}}
    configured = application_kit(
        blueprint, config={"cloudflow": {"streamlets": {"times": parameters}}}
    )
    configured.feed("numbers", *numbers(1))
    configured.run()
    assert configured.values("products") == numbers(10)


def test_mounts_are_folders_unless_the_configuration_names_some(
    application_kit: ApplicationKits, tmp_path: Path
) -> None:
    kit = application_kit(a_blueprint())
    assert list(kit.mount("times", "tables").iterdir()) == []
    config = {"cloudflow": {"streamlets": {"times": {"volume-mounts": {"tables": "here"}}}}}
    named = application_kit(a_blueprint(), root=tmp_path, config=config)
    assert named.mount("times", "tables") == tmp_path / "here"


def test_every_problem_of_a_blueprint_is_told() -> None:
    streamlets = {"times": Times, "lost": "nowhere.Nothing", "other": "streamlet_sdk:Inlet"}
    with pytest.raises(BlueprintError) as raised:
        ApplicationKit(a_blueprint(streamlets=streamlets))
    text = str(raised.value)
    assert "no module 'nowhere'" in text
    assert "streamlet_sdk:Inlet" in text
    assert "ingress" in text  # a producer of a topic that is not there


def test_every_problem_of_a_configuration_is_told() -> None:
    streamlets = {"times": {"config-parameters": {"factor": "many"}}, "tines": {}}
    with pytest.raises(ConfigurationError) as raised:
        ApplicationKit(a_blueprint(), config={"cloudflow": {"streamlets": streamlets}})
    text = str(raised.value)
    assert "'many' is not a whole number" in text
    assert "Did you mean 'times'?" in text


def test_what_is_no_blueprint_is_a_blueprint_error() -> None:
    with pytest.raises(BlueprintError):
        ApplicationKit({"streamlets": {}})


def test_classes_of_one_name_are_told_apart(application_kit: ApplicationKits) -> None:
    def plus(amount: int) -> type[Streamlet]:
        class Plus(Streamlet):
            in_ = Inlet(Number)
            out = Outlet(Number)

            @in_.each
            def add(self, number: Number) -> Emission[Number]:
                return self.out(Number(value=number.value + amount))

        return Plus

    kit = application_kit(
        {
            "blueprint": {
                "streamlets": {"one": plus(1), "two": plus(2)},
                "topics": {
                    "a": {"consumers": ["one.in"]},
                    "b": {"producers": ["one.out"], "consumers": ["two.in"]},
                    "c": {"producers": ["two.out"]},
                },
            }
        }
    )
    kit.feed("a", *numbers(0))
    kit.run()
    assert (kit.values("b"), kit.values("c")) == (numbers(1), numbers(3))


def test_a_topic_with_several_schemas_takes_values_of_each(
    application_kit: ApplicationKits,
) -> None:
    class Word(BaseModel):
        text: str

    class Words(Streamlet):
        out = Outlet(Word)

        @source
        def nothing(self) -> Iterator[Emission[Word]]:
            yield from ()

    class Numbers(Streamlet):
        out = Outlet(Number)

        @source
        def nothing(self) -> Iterator[Emission[Number]]:
            yield from ()

    kit = application_kit(
        {
            "blueprint": {
                "streamlets": {"words": Words, "numbers": Numbers},
                "topics": {"mixed": {"producers": ["words.out", "numbers.out"]}},
            }
        }
    )
    kit.feed("mixed", Number(value=1), Word(text="a"))
    kit.run()
    assert kit.values("mixed") == [Number(value=1), Word(text="a")]
    with pytest.raises(EncodeError):
        kit.feed("mixed", 17)


def test_one_streamlet_may_crash(application_kit: ApplicationKits) -> None:
    kit = application_kit(a_blueprint())
    kit.run()
    times, sink = kit.streamlet("times"), kit.streamlet("sink")
    kit.crash("times")
    kit.feed("numbers", *numbers(1))
    kit.run()
    assert kit.streamlet("times") is not times
    assert kit.streamlet("sink") is sink
    assert kit.values("products") == numbers(2)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda kit: kit.values("product"), "no topic or port 'product'; did you mean 'products'"),
        (lambda kit: kit.feed("times.inn", 1), "no topic or port 'times.inn'"),
        (lambda kit: kit.streamlet("tines"), "no streamlet 'tines'; did you mean 'times'"),
        (lambda kit: kit.request("tines", "GET", "/"), "no streamlet 'tines'"),
        (lambda kit: kit.checkpoint("times", "read"), "no source 'read'"),
        (lambda kit: kit.mount("times", "table"), "no volume mount 'table'; did you mean 'tables'"),
        (lambda kit: kit.dead_letters("times", "inn"), "no topic or port 'times.inn'"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_ones(
    application_kit: ApplicationKits, act: Any, message: str
) -> None:
    with pytest.raises(LookupError, match=message):
        act(application_kit(a_blueprint()))


def test_a_wrong_name_in_only_is_told() -> None:
    with pytest.raises(LookupError, match="no streamlet 'tines'; did you mean 'times'"):
        ApplicationKit(a_blueprint(), only=["tines"])


MODULE = """
from pydantic import BaseModel
from streamlet_sdk import Inlet, Outlet, Parameter, Streamlet

class Word(BaseModel):
    text: str

class Shout(Streamlet):
    in_ = Inlet(Word)
    out = Outlet(Word)
    mark = Parameter(str, default="!")

    @in_.each
    def shout(self, word):
        return self.out(Word(text=word.text.upper() + self.mark))
"""

BLUEPRINT = """
blueprint:
  streamlets:
    shout: {package}.Shout
  topics:
    quiet: {{consumers: [shout.in]}}
    loud: {{producers: [shout.out]}}
"""


def a_project(folder: Path, package: str, blueprint: str = BLUEPRINT) -> Path:
    """A project whose folders are not the usual ones."""
    (folder / "code").mkdir()
    (folder / "code" / f"{package}.py").write_text(MODULE)
    (folder / "wiring.yaml").write_text(blueprint.format(package=package))
    (folder / "local.yaml").write_text(
        "cloudflow: {streamlets: {shout: {config-parameters: {mark: no}}}}\n"
    )
    (folder / "pyproject.toml").write_text(
        '[tool.cloudflow]\nblueprint = "wiring.yaml"\nsource = "code"\n'
    )
    return folder


def shouted(kit: ApplicationKit, package: str) -> list[str]:
    word: Any = __import__(package).Word
    kit.feed("quiet", word(text="hello"))
    kit.run()
    return [one.text for one in kit.values("loud")]


@pytest.fixture(autouse=True)
def _path_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what the kit adds to the path of modules."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_a_project_is_found_by_its_folder(tmp_path: Path) -> None:
    project = a_project(tmp_path, "by_folder")
    with ApplicationKit(project) as kit:
        assert shouted(kit, "by_folder") == ["HELLO!"]


def test_a_blueprint_is_read_from_a_file_and_so_is_a_configuration(tmp_path: Path) -> None:
    a_project(tmp_path, "by_file")
    with ApplicationKit("wiring.yaml", root=tmp_path, config="local.yaml") as kit:
        # `no` is a text, as the command line reads it, and no boolean.
        assert shouted(kit, "by_file") == ["HELLOno"]


def test_the_folder_of_packages_can_be_named(tmp_path: Path) -> None:
    a_project(tmp_path, "by_source")
    (tmp_path / "pyproject.toml").unlink()
    with ApplicationKit(tmp_path / "wiring.yaml", source=tmp_path / "code") as kit:
        assert shouted(kit, "by_source") == ["HELLO!"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.yaml", None, "none.yaml cannot be read"),
        ("broken.yaml", "blueprint: [", "broken.yaml cannot be read"),
        ("blueprint.conf", "blueprint {}", "the kit reads YAML, not blueprint.conf"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(CloudflowError, match=message):
        ApplicationKit(tmp_path / name)


def test_a_folder_that_is_no_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloudflowError, match=r"no pyproject.toml with \[tool.cloudflow\]"):
        ApplicationKit(tmp_path)
