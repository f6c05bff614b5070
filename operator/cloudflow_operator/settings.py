"""What the operator is told by its environment; `main` reads it once.

A chart or a person sets the variables `CLOUDFLOW_OPERATOR_…`, each named like the field here.
"""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloudflow_operator import election, probe, work_queue
from streamlet_sdk.errors import CloudflowError

PREFIX = "CLOUDFLOW_OPERATOR_"


class SettingsError(CloudflowError):
    """A variable of the environment has a value that cannot be used."""


class Settings(BaseSettings):
    """How this process works.

    Attributes:
        namespace: the operator's own: of its Lease, and of the Secrets of Kafka clusters. None is
            the pod's, or that of the kubeconfig's context.
        watch_namespaces: of the applications, with commas between them; none means all.
        pod_name: no two processes that live have the same.
        kubeconfig: who asks which API server; None is the ServiceAccount of the pod.
        port: of health and metrics; 0 takes a free one.
        log_format: of each line on standard error.
        log_level: the least that is logged.
        workers: how many applications are worked on at once.
        lease_duration: after which a leader that is silent is replaced; seconds, or ISO 8601.
        lease_deadline: after which a leader that cannot renew the Lease ends.
        lease_period: between renewals.
        probe_period: between looks at whether the watch of applications tells what changes.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    namespace: str | None = None
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    pod_name: str = Field(default_factory=socket.gethostname, min_length=1)
    kubeconfig: Path | None = None
    port: int = Field(default=8080, ge=0, le=65535)
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    workers: int = Field(default=work_queue.WORKERS, ge=1)
    lease_duration: timedelta = election.USUAL.duration
    lease_deadline: timedelta = election.USUAL.deadline
    lease_period: timedelta = election.USUAL.period
    probe_period: timedelta = Field(default=probe.EVERY, gt=timedelta(0))

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(filter(None, (one.strip() for one in value.split(","))))
        return value

    @field_validator("namespace", "kubeconfig", mode="before")
    @classmethod
    def _absent(cls, value: Any) -> Any:
        return value or None  # a chart sets what is not asked for to nothing

    @field_validator("lease_duration", "lease_deadline", "lease_period", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value  # ISO 8601, or wrong

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.lease_period < self.lease_deadline < self.lease_duration:
            raise ValueError("LEASE_PERIOD, LEASE_DEADLINE and LEASE_DURATION have to rise")
        return self

    @property
    def terms(self) -> election.Terms:
        """Of the Lease."""
        return election.Terms(self.lease_duration, self.lease_deadline, self.lease_period)


def settings_of_environment() -> Settings:
    """The settings.

    Raises:
        SettingsError: when a variable is wrong; it names all that are.
    """
    try:
        return Settings()
    except ValidationError as error:
        # A value might be secret, put there by mistake; it is not repeated.
        wrong = "; ".join(
            f"{PREFIX}{'_'.join(map(str, one['loc'])).upper() or '*'}: {one['msg']}"
            for one in error.errors()
        )
        raise SettingsError(f"the environment: {wrong}") from error
