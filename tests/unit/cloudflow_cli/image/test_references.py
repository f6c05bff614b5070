"""Names of images: what a repository is, tags of content, the registry."""

from __future__ import annotations

import pytest

from cloudflow_cli.image.references import is_repository, pinned, registry, tagged

ID = "sha256:" + "0123456789ab" + "c" * 52


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "team/hello",
        "localhost/hello",
        "localhost:5000/hello",
        "registry.example.com/team/hello_world-2.x",
        "10.244.0.1:5000/a/b/c",
    ],
)
def test_a_repository_is_known_as_one(text: str) -> None:
    assert is_repository(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "hello:1.0",
        "hello@sha256:1",
        "/hello",
        "hello/",
        "a//b",
        "https://a.b/c",
        "a b",
    ],
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    assert not is_repository(text)


@pytest.mark.parametrize(
    ("repository", "host"),
    [
        ("hello", "docker.io"),
        ("team/hello", "docker.io"),
        ("localhost/hello", "localhost"),
        ("localhost:5000/hello", "localhost:5000"),
        ("registry.example.com/hello", "registry.example.com"),
    ],
)
def test_the_registry_is_the_host_of_the_repository(repository: str, host: str) -> None:
    assert registry(repository) == host


def test_another_content_has_another_tag_of_the_same_version() -> None:
    assert tagged("r/hello", "1.4.0", ID) == "r/hello:1.4.0-0123456789ab"
    assert tagged("r/hello", "1.4.0", ID[:7] + "f" * 64) != tagged("r/hello", "1.4.0", ID)


def test_a_version_that_no_tag_can_have_is_written_so_that_one_can() -> None:
    assert tagged("hello", "1.0+local.1", ID) == "hello:1.0-local.1-0123456789ab"
    assert len(tagged("h", "1" * 200, ID)) == len("h:") + 128


def test_a_pushed_image_is_named_by_its_content() -> None:
    assert pinned("r/hello", ID) == f"r/hello@{ID}"
