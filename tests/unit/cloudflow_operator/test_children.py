"""What the watches tell is known, what was written here is known at once, the newest wins."""

from __future__ import annotations

from typing import Any

import pytest

from cloudflow_operator.children import CachedCluster, Children
from cloudflow_operator.errors import ConflictError
from cloudflow_operator.interfaces import CONFIG_MAP, DEPLOYMENT, POD, SERVICE, Key, Kind
from cloudflow_operator.watching import Place, Target
from support.cluster import FakeCluster
from support.cluster_world import config_map, labelled

Manifest = dict[str, Any]
MAPS = Target(CONFIG_MAP)


def at(version: int, manifest: Manifest, uid: str = "u") -> Manifest:
    more = {"resourceVersion": str(version), "uid": uid}
    return {**manifest, "metadata": {**manifest["metadata"], **more}}


class Cache:
    """The children of applications, and whom of them somebody changed."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.children = Children(lambda namespace, name: self.changed.append(f"{namespace}/{name}"))

    def put(self, version: int, manifest: Manifest, kind: Kind = CONFIG_MAP) -> None:
        self.children.put(kind, at(version, manifest))

    def names(self, application: str = "plant", namespace: str = "ns") -> set[str]:
        return {one["metadata"]["name"] for one in self.children.of(namespace, application)}


@pytest.fixture
def cache() -> Cache:
    return Cache()


def test_what_a_watch_tells_is_there_and_says_what_it_is(cache: Cache) -> None:
    found = labelled(POD, "one", "ns", "plant", spec={"nodeName": "n"})
    del found["kind"], found["apiVersion"]  # as in a list
    cache.put(3, found, POD)
    [one] = cache.children.of("ns", "plant")
    assert (one["apiVersion"], one["kind"]) == ("v1", "Pod")
    assert one["spec"] == {"nodeName": "n"}
    assert cache.changed == ["ns/plant"]


def test_applications_and_namespaces_are_kept_apart(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns", "plant"))
    cache.put(2, config_map("two", "ns", "plant-2"))
    cache.put(3, config_map("one", "ns-2", "plant"))
    assert cache.names() == {"one"}
    assert cache.names("plant-2") == {"two"}
    assert cache.changed == ["ns/plant", "ns/plant-2", "ns-2/plant"]


def test_objects_of_one_name_and_several_kinds_are_several(cache: Cache) -> None:
    for kind in (CONFIG_MAP, SERVICE, DEPLOYMENT):
        cache.put(1, labelled(kind, "one", "ns", "plant"), kind)
    assert len(cache.children.of("ns", "plant")) == 3


def test_what_is_older_than_what_is_known_is_no_news(cache: Cache) -> None:
    cache.put(10, config_map("one", "ns", a="new"))
    cache.put(10, config_map("one", "ns", a="the same"))
    cache.put(9, config_map("one", "ns", a="old"))
    [one] = cache.children.of("ns", "plant")
    assert one["data"] == {"a": "new"}
    assert cache.changed == ["ns/plant"]


def test_versions_are_compared_as_numbers(cache: Cache) -> None:
    cache.put(9, config_map("one", "ns", a="old"))
    cache.put(10, config_map("one", "ns", a="new"))
    [one] = cache.children.of("ns", "plant")
    assert one["data"] == {"a": "new"}


def test_what_is_gone_is_gone(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns"))
    cache.children.remove(CONFIG_MAP, at(2, config_map("one", "ns")))
    assert not cache.names()
    assert cache.changed == ["ns/plant"] * 2
    cache.children.remove(CONFIG_MAP, at(3, config_map("one", "ns")))
    assert cache.changed == ["ns/plant"] * 2


def test_an_end_of_before_is_not_that_of_what_was_made_since(cache: Cache) -> None:
    cache.children.written(at(5, config_map("one", "ns")))
    cache.children.remove(CONFIG_MAP, at(4, config_map("one", "ns")))
    assert cache.names() == {"one"}


def test_an_object_that_changes_its_application_changes_both(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns", "plant"))
    cache.put(2, config_map("one", "ns", "other"))
    assert not cache.names("plant")
    assert cache.names("other") == {"one"}
    assert sorted(cache.changed[1:]) == ["ns/other", "ns/plant"]


def test_an_object_without_the_label_is_nobodys(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns"))
    bare = config_map("one", "ns")
    del bare["metadata"]["labels"]
    cache.put(2, bare)
    assert not cache.names()
    assert cache.changed == ["ns/plant"] * 2


def test_a_list_tells_what_is_not_there_any_more(cache: Cache) -> None:
    for name in ("one", "two"):
        cache.put(1, config_map(name, "ns"))
    cache.put(1, config_map("three", "ns-2", "other"))
    cache.changed.clear()
    cache.children.keep(MAPS, {Place("ns", "one")}, "5")
    assert cache.names() == {"one"}
    assert sorted(cache.changed) == ["ns-2/other", "ns/plant"]


def test_a_list_of_one_namespace_says_nothing_of_others(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns"))
    cache.put(1, config_map("two", "ns-2"))
    cache.children.keep(Target(CONFIG_MAP, "ns"), set(), "5")
    assert not cache.names()
    assert cache.names(namespace="ns-2") == {"two"}


def test_what_was_written_after_a_list_began_is_not_taken_for_gone(cache: Cache) -> None:
    cache.children.written(at(7, config_map("one", "ns")))
    cache.children.keep(MAPS, set(), "5")
    assert cache.names() == {"one"}


def test_what_was_written_here_is_known_at_once_and_its_echo_is_no_news(cache: Cache) -> None:
    made = at(7, config_map("one", "ns"))
    cache.children.written(made)
    cache.children.put(CONFIG_MAP, made)
    assert cache.names() == {"one"}
    assert not cache.changed


def test_what_was_deleted_here_does_not_come_back_by_old_news(cache: Cache) -> None:
    cache.put(7, config_map("one", "ns"))
    cache.children.deleted(Key(CONFIG_MAP, "one"), "ns", "u")
    cache.changed.clear()
    cache.put(7, config_map("one", "ns"))
    assert not cache.names()
    cache.children.remove(CONFIG_MAP, at(8, config_map("one", "ns")))
    assert not cache.changed
    cache.put(9, config_map("one", "ns"))
    assert cache.names() == {"one"}


def test_an_answer_that_comes_late_does_not_bring_back_what_is_gone(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns", "plant"))
    cache.children.remove(CONFIG_MAP, at(3, config_map("one", "ns", "plant")))
    cache.children.written(at(2, config_map("one", "ns", "plant")))
    assert cache.names() == set()
    cache.children.written(at(4, config_map("one", "ns", "plant"), uid="v"))
    assert cache.names() == {"one"}


def test_an_answer_that_is_older_than_a_list_does_not_either(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns", "plant"))
    cache.children.keep(MAPS, set(), "3")
    cache.children.written(at(2, config_map("one", "ns", "plant")))
    assert cache.names() == set()


def test_what_something_keeps_from_going_is_seen_again(cache: Cache) -> None:
    cache.put(7, config_map("one", "ns"))
    cache.children.deleted(Key(CONFIG_MAP, "one"), "ns", "u")
    cache.put(8, config_map("one", "ns"))
    assert cache.names() == {"one"}


def test_another_object_of_the_name_is_not_taken_for_deleted(cache: Cache) -> None:
    cache.put(7, config_map("one", "ns"))
    cache.children.deleted(Key(CONFIG_MAP, "one"), "ns", "another")
    assert cache.names() == {"one"}


def test_nothing_is_kept_of_applications_that_are_gone(cache: Cache) -> None:
    cache.put(1, config_map("one", "ns"))
    cache.children.deleted(Key(CONFIG_MAP, "one"), "ns", "u")
    cache.children.remove(CONFIG_MAP, at(2, config_map("one", "ns")))
    assert not cache.children._of
    assert not any(cache.children._entries.values())


async def test_the_cluster_writes_through(cache: Cache) -> None:
    cluster = CachedCluster(FakeCluster(), cache.children, lambda *_: None)
    made = await cluster.apply(config_map("one", "ns"), manager="a")
    [known] = await cluster.children("ns", "plant")
    assert known["metadata"]["uid"] == made["metadata"]["uid"]
    await cluster.delete(Key(CONFIG_MAP, "one"), "ns", uid=made["metadata"]["uid"])
    assert not await cluster.children("ns", "plant")


async def test_what_was_not_deleted_is_still_known(cache: Cache) -> None:
    cluster = CachedCluster(FakeCluster(), cache.children, lambda *_: None)
    await cluster.apply(config_map("one", "ns"), manager="a")
    with pytest.raises(ConflictError):
        await cluster.delete(Key(CONFIG_MAP, "one"), "ns", uid="another")
    assert len(await cluster.children("ns", "plant")) == 1
