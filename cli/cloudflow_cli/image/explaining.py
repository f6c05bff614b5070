"""Why a builder failed, in words of the project, with what to do.

Pure. Called by `workshop` with what the builder wrote. What is not known here is shown as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from cloudflow_cli.image.errors import ImageError

LAST_LINES: Final = 15


class Step(Enum):
    """What a builder was asked to do."""

    BUILD = auto()
    REPORT = auto()
    TAG = auto()
    PUSH = auto()


@dataclass(frozen=True, slots=True)
class Cause:
    """A known reason.

    Attributes:
        steps: in which it can come up; all when empty.
        pattern: what the builder writes; its group, if it has one, becomes `{found}`.
        sentence: what it is; `{subject}` is the base image, or the image that is pushed.
        hint: what to do.
    """

    steps: frozenset[Step]
    pattern: re.Pattern[str]
    sentence: str
    hint: str


def _cause(pattern: str, sentence: str, hint: str, *steps: Step) -> Cause:
    return Cause(frozenset(steps), re.compile(pattern, re.IGNORECASE), sentence, hint)


# The first that fits is told, so the narrow ones stand first.
CAUSES: Final = (
    _cause(
        r"no space left on device|disk quota exceeded",
        "The disk is full.",
        "Make room: images that nobody needs are removed by `docker system prune`, "
        "`podman system prune` or `buildah rmi --prune`.",
    ),
    _cause(
        r"cannot connect to the docker daemon|permission denied.*docker(?:\.sock| daemon)",
        "The daemon of docker does not answer, or not to this user.",
        "Start it, or join the group `docker`; or use another one: --builder podman",
    ),
    _cause(
        r"newuidmap|cannot (?:set up namespace|clone)|operation not permitted.*(?:unshare|mount)"
        r"|(?:unshare|mount)\S*:.*operation not permitted",
        "The builder may not make containers here.",
        "Inside of a container, try `BUILDAH_ISOLATION=chroot` and `STORAGE_DRIVER=vfs` in the "
        "environment; otherwise give your user sub-ids (see `man subuid`).",
    ),
    _cause(
        r"no matching distribution found for ([^\s(]+)|ERROR: could not find a version that "
        r"satisfies the requirement ([^\s(]+)",
        "The dependency {found} was not found.",
        "Look at its name and version, and whether there is a wheel for the base's Python; with "
        "`wheels` in [tool.cloudflow.image] every dependency has to be in that folder.",
        Step.BUILD,
    ),
    _cause(
        r"ResolutionImpossible|conflicting dependencies",
        "The dependencies do not fit together.",
        "Loosen one of those that are named above; the SDK has to have the version of this "
        "command line.",
        Step.BUILD,
    ),
    _cause(
        r"do not match the hashes|hashes are required in --require-hashes mode",
        "A dependency is not the one that was locked.",
        "Lock anew (uv lock, or pip-compile --generate-hashes). If nothing has changed, somebody "
        "has exchanged a package: find out who.",
        Step.BUILD,
    ),
    _cause(
        r"(?:python3|python): (?:executable file )?not found|No module named '?(?:venv|ensurepip)"
        r"|ensurepip is not\s+available",
        "The base image {subject} has no Python with venv.",
        "Set `base` in [tool.cloudflow.image] to an image of Python; on Debian it needs the "
        "packages python3 and python3-venv.",
        Step.BUILD,
    ),
    _cause(
        r"requires (?:a different )?python|not a supported wheel on this platform",
        "A dependency does not run on the Python of the base image {subject}.",
        "Set `base` in [tool.cloudflow.image] to an image with another version of Python.",
        Step.BUILD,
    ),
    _cause(
        r"initializing source docker:|manifest unknown|pull access denied"
        r"|failed to resolve (?:source metadata|reference)|error pulling image|no such image"
        r"|(?:head|get) \"?https?://\S+/v2/",
        "The base image {subject} cannot be pulled.",
        "Look at its name and tag, log in if its registry asks for it, or name another one: "
        "`base` in [tool.cloudflow.image].",
        Step.BUILD,
    ),
    _cause(
        r"server gave HTTP response to HTTPS client|http: server gave HTTP",
        "The registry of {subject} speaks no TLS.",
        "If that is meant, allow it: `insecure = true` in /etc/containers/registries.conf for "
        "podman and buildah, `insecure-registries` in /etc/docker/daemon.json for docker.",
        Step.PUSH,
    ),
    _cause(
        r"x509:|certificate signed by unknown authority",
        "The certificate of the registry of {subject} is not trusted.",
        "Put its authority into /etc/containers/certs.d/HOST/ca.crt for podman and buildah, into "
        "/etc/docker/certs.d/HOST/ca.crt for docker.",
        Step.PUSH,
    ),
    _cause(
        r"unauthorized|authentication required|no basic auth credentials|access.*denied|forbidden"
        r"|\bdenied\b|\b40[13]\b",
        "The registry refuses {subject}: no credentials, wrong ones, or no right to push there.",
        "Log in (docker login, podman login, buildah login), or give --username with "
        "--password-stdin.",
        Step.PUSH,
    ),
    _cause(
        r"connection refused|no such host|i/o timeout|network is unreachable|dial tcp|\bEOF\b",
        "The registry of {subject} cannot be reached.",
        "Look at `repository` in [tool.cloudflow.image], at the network and at proxies.",
        Step.PUSH,
    ),
    _cause(
        r"No module named '?streamlet_sdk\.blueprint\.__main__",
        "The SDK in the image is older than this command line.",
        "Ask for the version of this command line in the project's dependencies or lock file.",
        Step.REPORT,
    ),
    _cause(
        r"No module named '?streamlet_sdk\b",
        "There is no SDK in the image.",
        "Add cloudflow-streamlets to the lock file, or install it in your own Dockerfile.",
        Step.REPORT,
    ),
    _cause(
        r"python\W.*(?:not found|no such file)",
        "There is no program `python` in the image's PATH, which pods are started by.",
        "Let PATH begin with the folder of Python in your own Dockerfile.",
        Step.REPORT,
    ),
)
_DID: Final = {
    Step.BUILD: "build the image",
    Step.REPORT: "describe the streamlets in the image",
    Step.TAG: "tag the image",
    Step.PUSH: "push {subject}",
}


def explained(step: Step, builder: str, output: str, subject: str = "") -> ImageError:
    """The error of a builder that failed.

    Args:
        step: what it was asked to do.
        builder: its name.
        output: everything that it wrote.
        subject: what it was done to: the base image, or the image that is pushed.
    """
    did = _DID[step].format(subject=subject)
    last = "\n".join(f"  | {line}" for line in output.strip().splitlines()[-LAST_LINES:])
    for cause in CAUSES:
        match = cause.pattern.search(output)
        if match is not None and (not cause.steps or step in cause.steps):
            found = next(filter(None, match.groups()), "")
            sentence = cause.sentence.format(subject=subject, found=found)
            return ImageError(f"{sentence} {builder} could not {did}:\n{last}", hint=cause.hint)
    return ImageError(
        f"{builder} could not {did}:\n{last}" if last else f"{builder} could not {did}.",
        hint="With -v there is everything that it said.",
    )
