"""The command line: `kubectl cloudflow`."""

from typing import Final

# Written here and not looked up: asking the installed package for it would cost half of a start.
VERSION: Final = "0.1.0"
