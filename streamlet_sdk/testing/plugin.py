"""The pytest plug-in: fixtures that make kits and close them at the end of the test.

pytest loads it at every start, so the kits are imported when the first test asks for one.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from typing_extensions import Unpack

    from streamlet_sdk.streamlet import Streamlet
    from streamlet_sdk.testing.application_kit import ApplicationKit, Options
    from streamlet_sdk.testing.streamlet_kit import Setup, StreamletKit

S = TypeVar("S", bound="Streamlet")


class StreamletKits(Protocol):
    """Makes kits; the type of the fixture `streamlet_kit`."""

    def __call__(
        self, cls: type[S], setup: Setup | None = None, /, **parameters: object
    ) -> StreamletKit[S]:
        """A kit, see `StreamletKit`."""
        raise NotImplementedError


class ApplicationKits(Protocol):
    """Makes kits; the type of the fixture `application_kit`."""

    def __call__(
        self, blueprint: Mapping[str, Any] | str | Path | None = None, **options: Unpack[Options]
    ) -> ApplicationKit:
        """A kit, see `ApplicationKit`; by default of the project that the test is in."""
        raise NotImplementedError


@pytest.fixture
def streamlet_kit() -> Iterator[StreamletKits]:
    """Makes a `StreamletKit` for a class: `streamlet_kit(Validation, floor=2.0)`."""
    from streamlet_sdk.testing.streamlet_kit import StreamletKit

    with ExitStack() as kits:

        def make(
            cls: type[S], setup: Setup | None = None, /, **parameters: object
        ) -> StreamletKit[S]:
            return kits.enter_context(StreamletKit(cls, setup, **parameters))

        yield make


@pytest.fixture
def application_kit(request: pytest.FixtureRequest) -> Iterator[ApplicationKits]:
    """Makes an `ApplicationKit`, by default for the project that the test is in.

    Relative paths begin at the project's root.
    """
    from streamlet_sdk.testing import documents
    from streamlet_sdk.testing.application_kit import ApplicationKit

    folder = request.path.parent
    project = documents.project(folder)
    root = folder if project is None else project.root
    with ExitStack() as kits:

        def make(
            blueprint: Mapping[str, Any] | str | Path | None = None, **options: Unpack[Options]
        ) -> ApplicationKit:
            options.setdefault("root", root)
            return kits.enter_context(ApplicationKit(blueprint or root, **options))

        yield make
