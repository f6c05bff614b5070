"""Strategic merge patches: what is merged, what replaced, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from cloudflow_operator.desired.strategic import PatchError, merged

Map = dict[str, Any]

CONTAINERS: Map = {
    "containers": [
        {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}], "args": ["x"]},
        {"name": "b", "ports": [{"containerPort": 1, "name": "p"}]},
    ]
}

CASES: dict[str, tuple[Map, Map, Map]] = {
    "maps are merged": ({"a": {"b": 1, "c": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
    "null removes": ({"a": 1, "b": {"c": 1}}, {"a": None, "b": {"c": None}}, {"b": {}}),
    "null of nothing is nothing": ({}, {"a": None, "b": {"c": None}}, {"b": {}}),
    "an empty section is one": ({}, {"emptyDir": {}}, {"emptyDir": {}}),
    "other lists are replaced": (
        {"tolerations": [{"key": "a"}], "args": ["1", "2"]},
        {"tolerations": [{"key": "b"}], "args": ["3"]},
        {"tolerations": [{"key": "b"}], "args": ["3"]},
    ),
    "containers are merged by name, in their order": (
        CONTAINERS,
        {
            "containers": [
                {"name": "c"},
                {"name": "b", "ports": [{"containerPort": 2}, {"containerPort": 1, "name": "q"}]},
                {"name": "a", "env": [{"name": "Y", "value": "2"}], "args": ["y"]},
            ]
        },
        {
            "containers": [
                {
                    "name": "a",
                    "image": "1",
                    "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
                    "args": ["y"],
                },
                {
                    "name": "b",
                    "ports": [{"containerPort": 1, "name": "q"}, {"containerPort": 2}],
                },
                {"name": "c"},
            ]
        },
    ),
    "mounts are merged by path": (
        {"volumeMounts": [{"mountPath": "/a", "name": "x"}]},
        {"volumeMounts": [{"mountPath": "/a", "subPath": "s"}, {"mountPath": "/b", "name": "x"}]},
        {
            "volumeMounts": [
                {"mountPath": "/a", "name": "x", "subPath": "s"},
                {"mountPath": "/b", "name": "x"},
            ]
        },
    ),
    "an entry is deleted": (
        CONTAINERS,
        {"containers": [{"name": "a", "$patch": "delete"}, {"name": "z", "$patch": "delete"}]},
        {"containers": [CONTAINERS["containers"][1]]},
    ),
    "an entry is replaced": (
        CONTAINERS,
        {"containers": [{"name": "a", "image": "2", "$patch": "replace"}]},
        {"containers": [{"name": "a", "image": "2"}, CONTAINERS["containers"][1]]},
    ),
    "a list is replaced": (
        CONTAINERS,
        {"containers": [{"$patch": "replace"}, {"name": "d", "image": None, "tty": True}]},
        {"containers": [{"name": "d", "tty": True}]},
    ),
    "a map is replaced": (
        {"securityContext": {"a": 1, "b": 2}},
        {"securityContext": {"$patch": "replace", "c": 3}},
        {"securityContext": {"c": 3}},
    ),
    "a map is emptied": ({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {"a": {}}),
    "merge is what happens anyway": ({"a": {"b": 1}}, {"a": {"$patch": "merge"}}, {"a": {"b": 1}}),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_merged(case: str) -> None:
    original, patch, expected = CASES[case]
    assert merged(original, patch) == expected


@pytest.mark.parametrize("case", CASES)
def test_neither_side_is_changed(case: str) -> None:
    original, patch, _ = CASES[case]
    before = repr((original, patch))
    merged(original, patch)
    assert repr((original, patch)) == before


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"containers": [{"image": "x"}]}, r"^containers: every entry needs 'name'"),
        ({"containers": ["a"]}, r"^containers: every entry has to be a section"),
        ({"containers": {"name": "a"}}, r"^containers: a list is needed here, not a section"),
        ({"containers": [{"name": "a", "env": "X=1"}]}, r"^containers\.a\.env: a list is needed"),
        ({"containers": [{"name": "a", "env": [{}]}]}, r"^containers\.a\.env: every entry needs"),
        ({"containers": [{"name": "a", "$patch": "drop"}]}, r"^containers\.a\.\$patch: choose"),
        ({"$retainKeys": ["containers"]}, r"^\$retainKeys: this directive is not followed"),
    ],
)
def test_what_has_another_shape_is_refused_with_its_place(patch: Map, message: str) -> None:
    with pytest.raises(PatchError, match=message):
        merged(CONTAINERS, patch)


def test_what_an_earlier_patch_broke_is_refused_too() -> None:
    broken = merged(CONTAINERS, {"$patch": "replace", "containers": [{"image": "x"}]})
    with pytest.raises(PatchError, match="every entry needs 'name'"):
        merged(broken, {"containers": [{"name": "a"}]})
