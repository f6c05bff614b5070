"""What builders write when they fail, and what is made of it."""

from __future__ import annotations

import pytest

from cloudflow_cli.image.explaining import CAUSES, LAST_LINES, Step, explained

BASE = "registry.example.com/python:3"
IMAGE = "registry.example.com/plant:1"


@pytest.mark.parametrize(
    ("step", "output", "sentence"),
    [
        (
            Step.BUILD,
            (
                "ERROR: Could not find a version that satisfies the requirement nosuch>=2 (from "
                "versions: none)\nERROR: No matching distribution found for nosuch>=2"
            ),
            "The dependency nosuch>=2 was not found.",
        ),
        (
            Step.BUILD,
            (
                "ERROR: Cannot install a==1 and a>=2 because these package versions have "
                "conflicting dependencies.\nERROR: ResolutionImpossible"
            ),
            "The dependencies do not fit together.",
        ),
        (
            Step.BUILD,
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "A dependency is not the one that was locked.",
        ),
        (
            Step.BUILD,
            (
                "Error: creating build container: initializing source docker://python:3: pinging "
                "container registry registry-1.docker.io: dial tcp: lookup: no such host"
            ),
            f"The base image {BASE} cannot be pulled.",
        ),
        (
            Step.BUILD,
            (
                "ERROR: failed to solve: python:9: failed to resolve source metadata for "
                "docker.io/library/python:9: not found"
            ),
            f"The base image {BASE} cannot be pulled.",
        ),
        (
            Step.BUILD,
            (
                'failed to do request: Head "https://10.0.0.1:1/v2/python/manifests/3": dial tcp '
                "10.0.0.1:1: connect: connection refused"
            ),
            f"The base image {BASE} cannot be pulled.",
        ),
        (
            Step.BUILD,
            "/bin/sh: python3: not found",
            f"The base image {BASE} has no Python with venv.",
        ),
        (
            Step.BUILD,
            "/bin/sh: 1: python3: not found",
            f"The base image {BASE} has no Python with venv.",
        ),
        (
            Step.BUILD,
            (
                "The virtual environment was not created successfully because ensurepip is not\n"
                "available."
            ),
            f"The base image {BASE} has no Python with venv.",
        ),
        (
            Step.BUILD,
            "ERROR: a.whl is not a supported wheel on this platform.",
            f"A dependency does not run on the Python of the base image {BASE}.",
        ),
        (
            Step.BUILD,
            'ERROR: [Errno 28] No space left on device: "/app"',
            "The disk is full.",
        ),
        (
            Step.PUSH,
            "Error: writing blob: no space left on device",
            "The disk is full.",
        ),
        (
            Step.BUILD,
            "ERROR: permission denied while trying to connect to the Docker daemon socket",
            "The daemon of docker does not answer, or not to this user.",
        ),
        (
            Step.BUILD,
            'Error: cannot set up namespace using "/usr/bin/newuidmap": exit status 1',
            "The builder may not make containers here.",
        ),
        (
            Step.PUSH,
            "Error: trying to reuse blob: checking whether a blob exists: authentication required",
            f"The registry refuses {BASE}: no credentials",
        ),
        (
            Step.PUSH,
            "denied: requested access to the resource is denied",
            f"The registry refuses {BASE}: no credentials",
        ),
        (
            Step.PUSH,
            (
                'pinging container registry 127.0.0.1:5000: Get "https://127.0.0.1:5000/v2/": '
                "http: server gave HTTP response to HTTPS client"
            ),
            f"The registry of {BASE} speaks no TLS.",
        ),
        (
            Step.PUSH,
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            f"The certificate of the registry of {BASE} is not trusted.",
        ),
        (
            Step.PUSH,
            "dial tcp 127.0.0.1:5000: connect: connection refused",
            f"The registry of {BASE} cannot be reached.",
        ),
        (
            Step.REPORT,
            (
                "/app/python/bin/python: No module named streamlet_sdk.blueprint.__main__; "
                "'streamlet_sdk.blueprint' is a package and cannot be directly executed"
            ),
            "The SDK in the image is older than this command line.",
        ),
        (
            Step.REPORT,
            (
                "/usr/bin/python: Error while finding module specification for "
                "'streamlet_sdk.blueprint' (ModuleNotFoundError: No module named 'streamlet_sdk')"
            ),
            "There is no SDK in the image.",
        ),
        (
            Step.REPORT,
            'exec: "python": executable file not found in $PATH',
            "There is no program `python` in the image's PATH",
        ),
    ],
)
def test_a_known_reason_is_told_first_with_what_to_do(
    step: Step, output: str, sentence: str
) -> None:
    error = explained(step, "podman", output, BASE)
    assert str(error).startswith(sentence)
    assert error.hint
    assert output.splitlines()[-1] in str(error)


def test_an_unknown_reason_is_shown_by_the_last_lines() -> None:
    output = "\n".join(f"line {number}" for number in range(100))
    error = explained(Step.PUSH, "docker", output, IMAGE)
    first, *shown = str(error).splitlines()
    assert first == f"docker could not push {IMAGE}:"
    assert shown == [f"  | line {number}" for number in range(100 - LAST_LINES, 100)]
    assert "-v" in str(error.hint)


def test_a_builder_that_says_nothing_is_told_so() -> None:
    assert str(explained(Step.TAG, "docker", "")) == "docker could not tag the image."


def test_the_reason_of_another_step_is_not_taken() -> None:
    error = explained(Step.BUILD, "docker", "unauthorized", BASE)
    assert str(error).startswith("docker could not build the image")


def test_every_cause_says_what_to_do() -> None:
    assert [cause.sentence for cause in CAUSES if not cause.hint] == []
