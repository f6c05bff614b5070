"""The pytest plug-in: fixtures that make kits and close them at the end of the test.

pytest loads it at every start, so the kits are imported when the first test asks for one.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlet_sdk.streamlet import Streamlet
    from streamlet_sdk.testing.streamlet_kit import Setup, StreamletKit

S = TypeVar("S", bound="Streamlet")


class StreamletKits(Protocol):
    """Makes kits; the type of the fixture `streamlet_kit`."""

    def __call__(
        self, cls: type[S], setup: Setup | None = None, /, **parameters: object
    ) -> StreamletKit[S]:
        """A kit, see `StreamletKit`."""
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
