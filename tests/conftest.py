"""What holds for every test: fixed hypothesis profiles, time limits, no task left behind."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from support import connections, workers
from support.buildah import Buildah
from support.golden import Golden
from support.require import missing
from testbed import cluster, images
from testbed.helm import HelmUnavailableError, helm
from testbed.jars import jars
from testbed.kafka import EXISTING, running
from testbed.kubernetes import kubectl
from testbed.packages import NodeUnavailableError
from testbed.wheels import WheelsUnavailableError, wheels

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from xdist.remote import Producer

TESTS = Path(__file__).parent
# Seconds; units have the limit of pyproject.toml. Folders that are not named have it too.
TIME_LIMITS = {
    "property": 240,
    "contract": 240,
    "docs": 240,
    "end_to_end": 1200,  # the first test builds and installs the operator
    "helm": 240,
    "kafka": 300,
    "kubernetes": 300,
    "node": 240,
}

# How that is made which is behind a fixture.
PREPARED: dict[str, Callable[[], object]] = {
    "api_server": kubectl,
    "kafka": lambda: os.environ.get(EXISTING) or jars(),
    "kubectl": kubectl,
    "node": cluster.prepare,
    "platform": helm,
}

# No deadline: a busy machine is no defect. Not derandomized: every run may find something new.
settings.register_profile("here", deadline=None, max_examples=50, print_blob=True)
settings.register_profile(
    "ci",
    deadline=None,
    max_examples=100,
    print_blob=True,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite expected outputs instead of comparing"
    )


def pytest_configure() -> None:
    workers.may_clean_up()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell starts what is in the background so, and every command of a test would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> workers.Scheduling:
    return workers.Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        workers.put_in_order(items)
    for item in items:
        if TESTS not in item.path.parents:
            continue
        limit = TIME_LIMITS.get(item.path.relative_to(TESTS).parts[0])
        if limit is not None and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(limit))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Make what a test needs and is not there yet before its time runs; it takes minutes, once."""
    for name in PREPARED.keys() & set(getattr(item, "fixturenames", ())):
        _prepare(PREPARED[name])
    return (yield)


@functools.cache
def _prepare(make: Callable[[], object]) -> None:
    # Whoever needs it skips, or fails, with the reason.
    with contextlib.suppress(*cluster.STARTING, HelmUnavailableError):
        make()


@pytest.fixture(scope="session")
def node() -> Iterator[cluster.Cluster]:
    """A cluster with a node that runs pods; skips what needs one where there can be none."""
    with cluster.running() as made:
        yield made


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The `host:port` of a real Kafka broker; skips what needs one where there can be none."""
    with running() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that an image can need."""
    try:
        return wheels(tmp_path_factory.mktemp("wheels"))
    except WheelsUnavailableError as error:
        missing("registry", str(error))


@pytest.fixture(scope="session")
def base_archive() -> Path:
    """An image with Python."""
    if os.geteuid() != 0:
        missing("node", "only root may make images in a chroot")
    if shutil.which("buildah") is None:
        missing("node", "there is no buildah (apt-get install buildah)")
    try:
        return images.base()
    except (NodeUnavailableError, FileNotFoundError) as error:
        missing("node", str(error))


@pytest.fixture(scope="session")
def buildah(base_archive: Path) -> Iterator[Buildah]:
    """A builder that has the base image."""
    # Not among pytest's own folders: it could not remove the mounts of a run that was killed.
    made = Buildah(Path(tempfile.mkdtemp(prefix="cloudflow-buildah-")))
    made.take(base_archive)
    yield made
    made.remove()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares with, or rewrites, expected outputs in the folder `golden` beside the test."""
    update: bool = request.config.getoption("--update-golden")
    return Golden(request.path.parent / "golden", update=update)


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> None:
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_tasks_and_connections")


@pytest.fixture
async def _tasks_and_connections() -> AsyncIterator[None]:
    """Set up before and torn down after the test's own fixtures, so those may clean up first."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # what was cancelled last gets its turn to end
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"tasks left behind: {[task.get_coro() for task in left]}"
    await connections.ended()
