"""What a server answers: JSON, and never anything of its inside.

An answer that refuses says why in `{"problems": [{"path", "message"}]}`, whatever the status.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pydantic import ValidationError
from starlette.responses import Response

from streamlet_sdk.errors import CloudflowError, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Seconds until a refused sender should come back; long enough for a few writes to get through.
RETRY_AFTER: Final = {"Retry-After": "1"}
CLOSE: Final = {"Connection": "close"}
# More than this in one body is no list for people, and would cost gigabytes to build.
MOST_FINDINGS: Final = 1000


class Finding(TypedDict):
    """One thing that is wrong with what was sent; `path` is empty for the body as a whole."""

    path: str
    message: str


class RequestError(CloudflowError):
    """A request is refused.

    Attributes:
        status: of the answer.
        findings: what is wrong, at least one.
        headers: of the answer.
        facts: numbers that the answer holds besides, such as `records`, how many were written.
    """

    def __init__(
        self,
        status: int,
        findings: Sequence[Finding],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse with `findings`."""
        super().__init__("; ".join(finding["message"] for finding in findings))
        self.status = status
        self.findings = tuple(findings)
        self.headers = dict(headers or {})
        self.facts: dict[str, int] = {}

    def response(self) -> Response:
        """The answer."""
        return problems_response(self.status, self.findings, headers=self.headers, facts=self.facts)


def json_response(
    status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """An answer of JSON."""
    # ASCII, since paths may hold what the sender wrote, lone surrogates included.
    text = json.dumps(content, separators=(",", ":"))
    return Response(text, status, dict(headers or {}), media_type="application/json")


def problems_response(
    status: int,
    findings: Iterable[Finding],
    *,
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, int] | None = None,
) -> Response:
    """An answer that says what is wrong."""
    return json_response(status, {"problems": list(findings), **(facts or {})}, headers)


def accepted(records: int) -> Response:
    """The answer to a request whose records are acknowledged."""
    return json_response(HTTPStatus.ACCEPTED, {"records": records})


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> RequestError:
    """A refusal for one reason that concerns the request as a whole."""
    return RequestError(status, [Finding(path="", message=message)], headers=headers)


def unavailable(message: str) -> RequestError:
    """A refusal that waiting helps against."""
    return refusal(HTTPStatus.SERVICE_UNAVAILABLE, message, RETRY_AFTER)


def draining() -> RequestError:
    """The refusal of a server that is about to stop.

    It does not ask to close the connection: in mid-body that would reset it, and the answer with
    it might never be read. Stopping closes all connections soon.
    """
    return unavailable("The server is stopping; send it again.")


def too_large(limit: int, what: str) -> RequestError:
    """The refusal of a body or an element that is larger than `limit` bytes."""
    return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} is larger than {limit:d} bytes.")


def findings_of(error: Exception) -> list[Finding]:
    """Everything that an error of a parser or a schema says is wrong, without the values."""
    if isinstance(error, ProblemsError):
        count = len(error.problems)
        found = iter([(problem.path, problem.sentence) for problem in error.problems])
    elif isinstance(error, ValidationError):
        count = error.error_count()
        found = _found_by_pydantic(error)
    else:
        return [Finding(path="", message=str(error))]
    if count > MOST_FINDINGS:
        return [Finding(path="", message=f"{count} values do not fit, too many to list.")]
    return [Finding(path=path, message=message) for path, message in found]


def _found_by_pydantic(error: ValidationError) -> Iterator[tuple[str, str]]:
    # A generator, so that nothing is built before somebody asks.
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        yield ".".join(map(str, detail["loc"])), detail["msg"]
