"""`python -m streamlet_sdk.blueprint CLASS...`: what classes are, where they will run.

`kubectl cloudflow build` runs it in an image that it has made. One JSON object goes to standard
output; what the classes' code prints does not. Modules are looked for as a pod does it: in the
current folder, then in `PYTHONPATH`, then among the installed packages.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from streamlet_sdk.blueprint.describe import describe_classes
from streamlet_sdk.blueprint.problems.registry import as_entry
from streamlet_sdk.contract import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Sequence

DISTRIBUTION = "cloudflow-streamlets"


def report(class_names: Sequence[str]) -> str:
    """Versions, the descriptor of each class by its name as given, and the problems of the rest."""
    descriptors, problems = describe_classes(class_names, Path.cwd())
    made = {
        "sdk": version(DISTRIBUTION),
        "contract": CONTRACT,
        "python": platform.python_version(),
        "descriptors": {
            name: descriptor.model_dump(mode="json", by_alias=True)
            for name, descriptor in descriptors.items()
        },
        "problems": [as_entry(problem) for problem in problems],
    }
    return json.dumps(made)


if __name__ == "__main__":
    sys.stdout.write(report(sys.argv[1:]) + "\n")
