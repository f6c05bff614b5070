"""The definition that is made of the types: documented, mergeable, and without surprises."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from cloudflow_operator.api import schema
from cloudflow_operator.api.page import page
from cloudflow_operator.api.v1alpha1 import Application, Spec, Status
from support.resources import ROOT, SPEC, STATUS, Maker, faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSED_BY_KUBERNETES = {"$ref", "$defs", "anyOf", "oneOf", "default", "const", "exclusiveMinimum"}


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in node.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field.get("items", field), f"{path}.{name}")


FIELDS = dict([*fields(SPEC, "spec"), *fields(STATUS, "status")])


def test_the_file_is_what_the_types_say() -> None:
    assert schema.FILE.read_text("utf-8") == schema.text()


def test_every_field_says_what_it_is() -> None:
    assert [path for path, field in FIELDS.items() if not field.get("description")] == []


def test_every_list_says_how_it_is_merged() -> None:
    lists = {path: field for path, field in FIELDS.items() if field["type"] == "array"}
    assert [path for path, one in lists.items() if "x-kubernetes-list-type" not in one] == []
    for path, one in lists.items():
        for key in one.get("x-kubernetes-list-map-keys", ()):
            assert key in one["items"]["required"], path


def test_what_has_no_fields_belongs_to_one_writer() -> None:
    free = [one for one in FIELDS.values() if one["type"] == "object" and "properties" not in one]
    assert free
    assert all(one["x-kubernetes-map-type"] == "atomic" for one in free)


def test_nothing_is_there_that_kubernetes_refuses() -> None:
    for path, field in FIELDS.items():
        for node in (field, field.get("items", {})):
            assert not REFUSED_BY_KUBERNETES & node.keys(), path
            assert "type" in node or node == {}, path


def test_a_default_is_told_and_not_set() -> None:
    class Example(BaseModel):
        """An example."""

        one: str = Field(default="x", description="The one.")
        two: bool = Field(default=False, description="The two.")
        none: str | None = Field(default=None, description="The third.")
        empty: tuple[str, ...] = Field(default=(), description="The fourth.")

    made = schema.structural(Example.model_json_schema())
    said = [field["description"] for field in made["properties"].values()]
    assert said == ["The one. Default: x.", "The two. Default: false.", "The third.", "The fourth."]
    assert "default" not in str(made).replace("Default", "")


def test_a_field_may_be_named_like_a_word_of_the_schema() -> None:
    class Example(BaseModel):
        """An example."""

        title: str
        default: int

    assert schema.structural(Example.model_json_schema())["properties"].keys() == {
        "title",
        "default",
    }


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_schema_allows_is_read_and_written_the_same(seed: int) -> None:
    document = Maker(Random(seed)).resource("a", "n") | {"status": Maker(Random(seed)).make(STATUS)}
    assert list(faults(document, ROOT)) == []
    application = Application.model_validate(document)
    for part, name in ((application.spec, "spec"), (application.status, "status")):
        assert part.model_dump(mode="json", by_alias=True, exclude_unset=True) == document[name]


def test_what_a_later_version_adds_is_let_pass() -> None:
    spec = Maker().make(SPEC)
    assert Spec.model_validate({**spec, "later": {"a": 1}}) == Spec.model_validate(spec)
    assert Status.model_validate({"later": 1}) == Status()


def test_the_check_of_the_file_fails_when_it_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "definition.yaml"
    monkeypatch.setattr(schema, "FILE", file)
    monkeypatch.setattr("sys.argv", ["schema", "--check"])
    assert schema.main() == 1
    assert not file.exists()
    assert "make crds" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["schema"])
    assert schema.main() == 0
    assert file.read_text("utf-8") == schema.text()


def test_the_page_has_every_field_and_every_link_leads_somewhere() -> None:
    text = page()
    headings = {line[3:] for line in text.splitlines() if line.startswith("## ")}
    anchors = {heading.replace(".", "").lower() for heading in headings}
    targets = {part.partition(")")[0] for part in text.split("](#")[1:]}
    assert targets
    assert targets <= anchors
    names = {path.rpartition(".")[2] for path in FIELDS}
    assert [name for name in names if f"| `{name}`" not in text] == []
