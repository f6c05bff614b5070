"""Every error of the SDK.

    CloudflowError
    ├─ ProblemsError             a document has problems: all of them, as values
    │  ├─ BlueprintError
    │  └─ ConfigurationError
    ├─ SerdeError
    │  ├─ EncodeError            a value does not fit its outlet's schema
    │  ├─ DecodeError            bytes do not fit their inlet's schema
    │  ├─ UnknownSchemaError     the writer's schema is not known (yet)
    │  ├─ SchemaConflictError    a known fingerprint with other logical types
    │  └─ SchemaError            a port's type cannot be described in its format
    ├─ TransportError
    │  ├─ RejectedError          surely not written
    │  ├─ OutcomeUnknownError    may be written
    │  ├─ FencedError            somebody newer owns this name
    │  ├─ NotAttemptedError      never sent
    │  ├─ UnavailableError       broker away, or not ready
    │  └─ DeniedError            not allowed
    ├─ DeliveryError             a delivery policy said stop, or a write was not acknowledged
    └─ MissingExtraError         an optional dependency is not installed

`hint` tells what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamlet_sdk.problems import Problem


class CloudflowError(Exception):
    """Root of every error that this project raises on purpose."""

    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class ProblemsError(CloudflowError):
    """A document has problems; `problems` holds all of them, in document order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class BlueprintError(ProblemsError):
    """The blueprint, or a streamlet class that it uses, has problems."""


class ConfigurationError(ProblemsError):
    """The configuration of an application has problems."""


class SerdeError(CloudflowError):
    """Bytes and values do not fit together."""


class EncodeError(SerdeError):
    """A value cannot be written in its outlet's schema."""


class DecodeError(SerdeError):
    """Bytes cannot be read in their inlet's schema."""


class UnknownSchemaError(SerdeError):
    """The schema that a record was written with is not known here, perhaps not yet."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        super().__init__(f"no schema with fingerprint {fingerprint} is known")


class SchemaConflictError(SerdeError):
    """Two schemas share a fingerprint but differ in logical types: readers would misread."""


class SchemaError(SerdeError):
    """A port's type or schema file cannot be used as a schema."""


class TransportError(CloudflowError):
    """The broker, or the way to it, failed."""


class RejectedError(TransportError):
    """The broker refused it: surely not written."""


class OutcomeUnknownError(TransportError):
    """No answer came: it may be written or not."""


class FencedError(TransportError):
    """A newer owner of the same name exists: stop, do not retry."""


class NotAttemptedError(TransportError):
    """It never left this process."""


class UnavailableError(TransportError):
    """The broker cannot be reached or is not ready."""


class DeniedError(TransportError):
    """The broker does not allow it: credentials or permissions."""


class DeliveryError(CloudflowError):
    """A record could not be delivered and its policy says stop."""


class MissingExtraError(CloudflowError):
    """An optional dependency is needed and not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(
            f"{purpose} needs more packages: pip install 'cloudflow-streamlets[{extra}]'"
        )
