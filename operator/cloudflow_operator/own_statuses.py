"""Which versions of applications are the operator's own writes of a status, and nothing else.

The watch tells of them too. Looking at the application again would find what the last look left.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from cloudflow_operator.watching import Place, place_of

if TYPE_CHECKING:
    from cloudflow_operator.interfaces import Manifest

# A look writes a status once, or twice when there are topics to be made.
_KEPT: Final = 2
_OF_EACH_WRITE: Final = frozenset({"resourceVersion", "managedFields"})


class OwnStatuses:
    """The last such versions of each application."""

    def __init__(self) -> None:
        """Know none."""
        self._versions: dict[Place, deque[str]] = {}

    def wrote(self, read: Manifest, written: Manifest) -> None:
        """A status was written to what had been read before.

        If somebody changed the application in between, the version tells more than the status.
        """
        if _all_but_status(read) == _all_but_status(written):
            known = self._versions.setdefault(place_of(written), deque(maxlen=_KEPT))
            known.append(written["metadata"]["resourceVersion"])

    def is_one(self, application: Manifest) -> bool:
        """Whether that is an application as it was right after such a write."""
        known = self._versions.get(place_of(application), ())
        return application["metadata"]["resourceVersion"] in known

    def forget(self, place: Place) -> None:
        """It is gone."""
        self._versions.pop(place, None)


def _all_but_status(application: Manifest) -> dict[str, Any]:
    metadata = {
        key: one for key, one in application["metadata"].items() if key not in _OF_EACH_WRITE
    }
    return {"metadata": metadata, "spec": application.get("spec")}
