"""What stands in the body of a streamlet class and its parents, sorted by what it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from streamlet_sdk.handlers import Batches, Each, Role, Route, Source, Undecodable, roles
from streamlet_sdk.parameters import Parameter, VolumeMount
from streamlet_sdk.ports import Inlet, Outlet
from streamlet_sdk.streamlet import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.streamlet import Streamlet

T = TypeVar("T")


@dataclass(frozen=True)
class Declared:
    """A class and its declarations, each by attribute, parents first.

    Attributes:
        class_name: `package.module:Class`, as the blueprint names it.
    """

    cls: type[Streamlet]
    class_name: str

    @cached_property
    def attributes(self) -> Mapping[str, Any]:
        """Every class attribute as an instance would see it."""
        return dict(attributes(self.cls))

    @cached_property
    def inlets(self) -> Mapping[str, Inlet[Any]]:
        """The inlets."""
        return self._of(Inlet)

    @cached_property
    def outlets(self) -> Mapping[str, Outlet[Any]]:
        """The outlets."""
        return self._of(Outlet)

    @cached_property
    def parameters(self) -> Mapping[str, Parameter[Any]]:
        """The parameters."""
        return self._of(Parameter)

    @cached_property
    def mounts(self) -> Mapping[str, VolumeMount]:
        """The volume mounts."""
        return self._of(VolumeMount)

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """The roles of methods."""
        return roles(self.cls)

    @cached_property
    def handlers(self) -> Mapping[str, Each | Batches]:
        """The handlers of records, by method."""
        return {name: one for name, one in self.roles.items() if isinstance(one, Each | Batches)}

    @cached_property
    def repairs(self) -> Mapping[str, Undecodable]:
        """The handlers of bytes that do not decode, by method."""
        return {name: one for name, one in self.roles.items() if isinstance(one, Undecodable)}

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """The sources, by method."""
        return {name: one for name, one in self.roles.items() if isinstance(one, Source)}

    @cached_property
    def routes(self) -> Mapping[str, Route]:
        """The routes, by method."""
        return {name: one for name, one in self.roles.items() if isinstance(one, Route)}

    def path(self, attribute: str = "") -> str:
        """Where an attribute stands, for problems."""
        return f"{self.class_name}.{attribute}" if attribute else self.class_name

    def _of(self, kind: type[T]) -> dict[str, T]:
        return {name: item for name, item in self.attributes.items() if isinstance(item, kind)}
