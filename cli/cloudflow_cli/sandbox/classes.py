"""The streamlet classes of a project, imported into this process.

They were described in a process of their own before; what goes wrong only here is said as it was
there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cloudflow_cli.errors import DocumentError
from streamlet_sdk.blueprint.extraction import Extraction
from streamlet_sdk.errors import BlueprintError

if TYPE_CHECKING:
    from cloudflow_cli.project import Project
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint
    from streamlet_sdk.streamlet import Streamlet


class Classes:
    """Imports the class of each streamlet when it is first asked for."""

    def __init__(self, project: Project, blueprint: VerifiedBlueprint) -> None:
        self._project = project
        self._blueprint = blueprint
        self._extraction = Extraction(project.source)
        self._found: dict[str, type[Streamlet]] = {}
        if str(project.source) not in sys.path:
            sys.path.insert(0, str(project.source))

    def of(self, streamlet: str) -> type[Streamlet]:
        """The class of a streamlet of the blueprint.

        Raises:
            DocumentError: when its module cannot be imported here, though it could before.
        """
        name = self._blueprint.streamlets[streamlet].descriptor.class_name
        if name not in self._found:
            try:
                self._found[name] = self._extraction.imported(name)
            except BlueprintError as error:
                raise DocumentError(self._project.blueprint, error.problems) from error
        return self._found[name]
