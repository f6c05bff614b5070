"""Streamlet classes, blueprints and applications for the tests of everything that uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from streamlet_sdk import Delivery, Emission, Inlet, Outlet, Parameter, Streamlet, VolumeMount
from streamlet_sdk.blueprint.declarations import describe
from streamlet_sdk.blueprint.document import parse
from streamlet_sdk.blueprint.verify import verify
from streamlet_sdk.errors import BlueprintError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamlet_sdk.blueprint.descriptor import Descriptor
    from streamlet_sdk.blueprint.verified import VerifiedBlueprint
    from streamlet_sdk.problems import Problem


class Metric(BaseModel):
    """What most ports carry."""

    value: float


class Alarm(BaseModel):
    """What cannot be read as a `Metric`."""

    text: str


class Ingress(Streamlet):
    """Listens, as far as a descriptor can tell."""

    __server__ = "ingress"
    out = Outlet(Metric)


class Filter(Streamlet):
    """One inlet, one outlet, parameters and a mount."""

    in_ = Inlet(Metric)
    out = Outlet(Metric)
    floor = Parameter(float, default=0.0)
    label = Parameter(str, default="good")
    token = Parameter(str, default="", secret=True)
    models = VolumeMount("/models")

    @in_.each
    def keep(self, metric: Metric) -> Emission:
        """Sends on what it is given."""
        return self.out(metric)


class Logger(Streamlet):
    """One inlet, whose records are skipped when they fail."""

    in_ = Inlet(Metric, delivery=Delivery(on_exhausted="skip"))

    @in_.each
    def log(self, metric: Metric) -> None:
        """Does nothing."""


class AlarmLogger(Streamlet):
    """Reads what nobody else writes."""

    in_ = Inlet(Alarm)

    @in_.each
    def log(self, alarm: Alarm) -> None:
        """Does nothing."""


CLASSES: tuple[type[Streamlet], ...] = (Ingress, Filter, Logger, AlarmLogger)


def class_name(cls: type[Streamlet]) -> str:
    """The class as a blueprint names it."""
    return f"turbines.{cls.__name__}"


def descriptors(*classes: type[Streamlet]) -> dict[str, Descriptor]:
    """The descriptors of classes, by default of all in this module."""
    found: dict[str, Descriptor] = {}
    for cls in classes or CLASSES:
        descriptor, problems = describe(cls, f"turbines:{cls.__name__}")
        assert descriptor is not None, problems
        found[class_name(cls)] = descriptor
    return found


def a_document(**sections: Any) -> dict[str, Any]:
    """A blueprint that verifies: ingress → filter → logger; `streamlets` and `topics` replace."""
    usual = {
        "streamlets": {
            "ingress": "turbines.Ingress",
            "filter": {"class": "turbines.Filter"},
            "logger": "turbines.Logger",
        },
        "topics": {
            "raw": {"producers": ["ingress.out"], "consumers": ["filter.in"]},
            "good": {"producers": ["filter.out"], "consumers": ["logger.in"]},
        },
    }
    return {"blueprint": usual | sections}


def an_application(
    document: object = None, known: Mapping[str, Descriptor] | None = None
) -> VerifiedBlueprint:
    """The application of a document, by default of `a_document()`."""
    return verify(parse(document or a_document()), known or descriptors())


def problems_of(
    document: object, known: Mapping[str, Descriptor] | None = None, **reading: Any
) -> list[Problem]:
    """Every problem of a document."""
    try:
        verify(parse(document, **reading), known or descriptors())
    except BlueprintError as error:
        return list(error.problems)
    return []


def found(problems: list[Problem]) -> list[tuple[str, str]]:
    """Type and path of problems, in their order."""
    return [(type(problem).__name__, problem.path) for problem in problems]
