"""How attributes are named in documents, and the mark of an argument that was not given."""

from enum import Enum
from typing import Final


class Unset(Enum):
    """Has one member; an enum so that type checkers can narrow it."""

    UNSET = 0


UNSET: Final = Unset.UNSET


def port_name(attribute: str) -> str:
    """What an attribute is called in documents: `in_` is `in`, `log_level` is `log-level`."""
    return attribute.removesuffix("_").replace("_", "-")
