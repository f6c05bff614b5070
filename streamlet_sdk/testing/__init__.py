"""The test kit: a streamlet or a whole blueprint in a test, without sockets and sleeping.

Names are looked up when they are asked for: the pytest plug-in lives here too, and pytest loads
that at every start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamlet_sdk.testing.application_kit import ApplicationKit
    from streamlet_sdk.testing.asking import Answer
    from streamlet_sdk.testing.bench import LeftBehindError
    from streamlet_sdk.testing.driver import StillBusyError
    from streamlet_sdk.testing.letters import DeadLetter
    from streamlet_sdk.testing.plugin import ApplicationKits, StreamletKits
    from streamlet_sdk.testing.streamlet_kit import Setup, StreamletKit

__all__ = [
    "Answer",
    "ApplicationKit",
    "ApplicationKits",
    "DeadLetter",
    "LeftBehindError",
    "Setup",
    "StillBusyError",
    "StreamletKit",
    "StreamletKits",
]

_HOMES = {
    "Answer": "asking",
    "ApplicationKit": "application_kit",
    "ApplicationKits": "plugin",
    "DeadLetter": "letters",
    "LeftBehindError": "bench",
    "Setup": "streamlet_kit",
    "StillBusyError": "driver",
    "StreamletKit": "streamlet_kit",
    "StreamletKits": "plugin",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
