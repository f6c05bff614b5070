"""Reads what the Secret of a Kafka cluster says: who connects how, and defaults of its topics.

Used by `kafka_clusters`. What cannot be used becomes problems that name the Secret and the entry,
and never show a value that may be secret; nothing is raised, for every application of the cluster
would pay for it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

from cloudflow_operator import names
from cloudflow_operator.ownership import annotation
from streamlet_sdk.blueprint.problems.stated import Stated
from streamlet_sdk.errors import ConfigurationError
from streamlet_sdk.runtime.kafka.properties import Properties, servers
from streamlet_sdk.runtime.pod.files import SERVERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflow_operator.interfaces import Manifest
    from streamlet_sdk.problems import Problem

PARTITIONS: Final = "default.partitions"
REPLICATION_FACTOR: Final = "default.replication.factor"
PREFIX: Final = "name.prefix"
OF_THE_OPERATOR: Final = frozenset({PARTITIONS, REPLICATION_FACTOR, PREFIX})
"""Entries that are no client properties: how topics are made."""

_LOCATION: Final = ".location"
_MOST_PARTITIONS: Final = 100_000
_MOST_REPLICAS: Final = 32_767
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KAFKA: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PRIVATE: Final = "PRIVATE KEY-----"


@dataclass(frozen=True, kw_only=True)
class UnusableEntry(Stated):
    """An entry of a Kafka cluster's Secret that cannot be used."""

    reason: str
    advice: str
    says: ClassVar[str] = "this entry of a Kafka cluster's Secret cannot be used: {reason}."
    advises: ClassVar[str] = "{advice}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one Secret says of a Kafka cluster.

    Attributes:
        cluster: what topics call the cluster.
        secret: the Secret's own name.
        entries: what a pod needs, as its files have it: client properties, and the files that
            some of them name; secret where there are credentials.
        connection: the same as client properties without files, and without `bootstrap.servers`.
        allowed: the namespaces that may have a copy.
        problems: why it cannot be used; it is not when there are any.
    """

    cluster: str
    secret: str
    servers: str = ""
    entries: Mapping[str, str] = field(default_factory=dict, repr=False)
    connection: Mapping[str, str] = field(default_factory=dict, repr=False)
    prefix: str = ""
    partitions: int = 1
    replication_factor: int | None = None
    allowed: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()

    @property
    def has_credentials(self) -> bool:
        """Whether what a client needs is secret."""
        return any(
            name.startswith(("sasl.", "ssl.key")) or "password" in name or _PRIVATE in text
            for name, text in self.entries.items()
        )


def source(secret: Manifest) -> Source:
    """What a Secret with the label of Kafka clusters says, as the API server has it."""
    metadata = secret["metadata"]
    cluster = str((metadata.get("labels") or {}).get(names.KAFKA_CLUSTER, ""))
    reading = _Reading(f"Secret {metadata['namespace']}/{metadata['name']}")
    if not _NAME.fullmatch(cluster):
        advice = "Use small letters, digits and dashes."
        reading.bad(f"label {names.KAFKA_CLUSTER}", f"{cluster!r} cannot be a name", advice)
    texts = reading.texts(secret.get("data") or {})
    entries = {key: text for key, text in texts.items() if key not in OF_THE_OPERATOR}
    allowed = annotation(secret, names.ALLOWED_NAMESPACES) or ""
    made = Source(
        cluster=cluster,
        secret=metadata["name"],
        servers=reading.servers(entries),
        entries=entries,
        connection=reading.connection(entries),
        prefix=reading.prefix(texts),
        partitions=reading.number(texts, PARTITIONS, _MOST_PARTITIONS) or 1,
        replication_factor=reading.number(texts, REPLICATION_FACTOR, _MOST_REPLICAS),
        allowed=frozenset(filter(None, (one.strip() for one in allowed.split(",")))),
    )
    return replace(made, problems=tuple(reading.problems))


class _Reading:
    """Reads the entries of one Secret and keeps what is wrong with them."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.problems: list[Problem] = []

    def bad(self, key: str, reason: str, advice: str) -> None:
        """Keep a problem."""
        path = f"{self._where}: {key}"
        self.problems.append(UnusableEntry(path=path, reason=reason, advice=advice))

    def texts(self, data: Mapping[str, str]) -> dict[str, str]:
        """The entries that are texts; blanks around them are none of theirs, as for pods."""
        found: dict[str, str] = {}
        for key, encoded in sorted(data.items()):
            try:
                found[key] = base64.b64decode(encoded or "", validate=True).decode().strip()
            except (binascii.Error, UnicodeDecodeError):
                self.bad(key, "it is not UTF-8", "Give a text; certificates and keys as PEM.")
        return found

    def servers(self, entries: Mapping[str, str]) -> str:
        """`bootstrap.servers`."""
        given = entries.get(SERVERS, "")
        if not given:
            self.bad(SERVERS, "it is missing", "Put host:port of the brokers into it.")
            return ""
        try:
            return servers(given)
        except ConfigurationError as error:
            self._keep(error)
            return ""

    def connection(self, entries: Mapping[str, str]) -> dict[str, str]:
        """Client properties; what is in a file for a pod stands in a property here."""
        files = {text for key, text in entries.items() if key.endswith(_LOCATION)}
        made: dict[str, str] = {}
        for key, text in entries.items():
            if key.endswith(_LOCATION):
                made |= self._of_file(key, text, entries)
            elif key not in {*files, SERVERS}:
                made[key] = text
        try:
            Properties(made).verify()
        except ConfigurationError as error:
            self._keep(error)
        return made

    def prefix(self, texts: Mapping[str, str]) -> str:
        """`name.prefix`."""
        given = texts.get(PREFIX, "")
        if _KAFKA.fullmatch(given):
            return given
        reason = f"no topic can be called {given[:100]!r}…"
        self.bad(PREFIX, reason, "Use letters, digits, dots, dashes and underscores, 100 at most.")
        return ""

    def number(self, texts: Mapping[str, str], key: str, most: int) -> int | None:
        """A number from 1 on; None when it is not given."""
        given = texts.get(key)
        if given is None:
            return None
        if _NUMBER.fullmatch(given) and 1 <= int(given) <= most:
            return int(given)
        self.bad(key, f"{given[:20]!r} is no number from 1 to {most}", "Write one, or remove it.")
        return None

    def _of_file(self, key: str, name: str, entries: Mapping[str, str]) -> dict[str, str]:
        """The properties that say what the file says that `key` names."""
        text = entries.get(name)
        if text is None:
            advice = "Name another entry of the same Secret, without a folder."
            self.bad(key, f"the Secret has no entry {name!r}", advice)
            return {}
        if key == "ssl.truststore.location":
            return {"ssl.truststore.certificates": text}
        if key != "ssl.keystore.location":
            return {key: name}  # nothing that is followed, and said so
        blocks = [one.group() for one in _BLOCK.finditer(text)]
        keys = [one for one in blocks if _PRIVATE in one]
        return {
            "ssl.keystore.key": "\n".join(keys),
            "ssl.keystore.certificate.chain": "\n".join(one for one in blocks if one not in keys),
        }

    def _keep(self, error: ConfigurationError) -> None:
        for one in error.problems:
            self.problems.append(replace(one, path=f"{self._where}: {one.path}"))
