"""What stands in the way of a streamlet right now, told by its parts as it happens.

Readiness is made from it; nothing here decides what to do.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)


class Health:
    """Troubles by where they are; each is logged when it comes and when it has gone."""

    def __init__(self) -> None:
        """Everything is well."""
        self._troubles: dict[str, str] = {}
        # Partitions that do not move though they could, by inlet: a restart may help.
        self.stuck: dict[str, list[str]] = {}
        self._since: dict[str, float] = {}

    @property
    def troubles(self) -> Mapping[str, str]:
        """What is wrong now, one line each, by where it is; a copy, for any thread."""
        return dict(self._troubles)

    def trouble(self, where: str, what: str) -> None:
        """Something at `where` does not work for now; it is tried again."""
        if where not in self._troubles:
            self._since[where] = time.monotonic()
            logger.warning("%s: %s", where, what)
        self._troubles[where] = what

    def well(self, where: str) -> None:
        """What was in trouble works again."""
        if self._troubles.pop(where, None) is not None:
            seconds = time.monotonic() - self._since.pop(where)
            logger.info("%s: well again after %.1f s", where, seconds)
