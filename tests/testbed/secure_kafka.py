"""A Kafka with a listener for each way to prove who one is, and with permissions.

    PLAINTEXT        may everything, as the brokers among themselves
    SASL_PLAINTEXT   PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
    SCRAM_ONLY       the same without PLAIN
    SSL              certificate for 127.0.0.1; clients are not asked for one
    MUTUAL           clients have to have a certificate of the same authority
    ELSEWHERE        certificate for another host
    SASL_SSL         as SASL_PLAINTEXT, encrypted

`ann` may everything, `bob` what a test allows him.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbed.certificates import Authority
from testbed.kafka import KafkaCluster, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbed.certificates import Identity

LISTENERS = {
    "SASL_PLAINTEXT": "SASL_PLAINTEXT",
    "SCRAM_ONLY": "SASL_PLAINTEXT",
    "SSL": "SSL",
    "MUTUAL": "SSL",
    "ELSEWHERE": "SSL",
    "SASL_SSL": "SASL_SSL",
}
# Everything that has a meaning in a JAAS text, in a file of properties or to a shell.
PASSWORDS = {"ann": 'it\'s; "quoted" \\ = {so}', "bob": "plain-secret"}
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
MODULE = "org.apache.kafka.common.security"


def quoted(text: str) -> str:
    """A text as JAAS writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def jaas(user: str, mechanism: str, password: str | None = None) -> str:
    """What a client writes in `sasl.jaas.config`."""
    secret = PASSWORDS[user] if password is None else password
    return f"{_module(mechanism)} required username={quoted(user)} password={quoted(secret)};"


@dataclass(frozen=True)
class SecureKafka:
    """The cluster and what its clients need."""

    kafka: KafkaCluster
    authority: Authority

    def at(self, listener: str) -> str:
        """`bootstrap.servers` of a listener."""
        return self.kafka.addresses(listener)

    def plain(self, user: str = "ann", mechanism: str = "PLAIN", **more: str) -> dict[str, str]:
        """Properties of a client of SASL_PLAINTEXT; `more` has `_` for `.`."""
        return {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": jaas(user, mechanism),
            **_dotted(more),
        }

    def tls(self, **more: str) -> dict[str, str]:
        """Properties of a client of SSL that trusts the authority."""
        return {
            "security.protocol": "SSL",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": self.authority.pem,
            **_dotted(more),
        }


@contextlib.contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """One that serves; its certificates are kept in `folder`. Skips as `cluster` does."""
    authority = Authority()
    folder.joinpath("authority.pem").write_text(authority.pem)
    properties = {
        "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM)),
        "listener.name.scram_only.sasl.enabled.mechanisms": ",".join(SCRAM),
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": "RULE:^.*$/ann/",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:ann",
        **_stores("", folder, "here", authority.identity("127.0.0.1", "localhost")),
        **_stores("listener.name.elsewhere.", folder, "elsewhere", authority.identity("a.example")),
    }
    for listener in ("sasl_plaintext", "scram_only", "sasl_ssl"):
        for mechanism in ("PLAIN", *SCRAM):
            key = f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config"
            known = [f"user_{name}={quoted(secret)}" for name, secret in PASSWORDS.items()]
            words = known if mechanism == "PLAIN" else []
            properties[key] = " ".join((_module(mechanism), "required", *words)) + ";"
    with cluster(listeners=LISTENERS, properties=properties, users=PASSWORDS) as made:
        yield SecureKafka(made, authority)


def _stores(prefix: str, folder: Path, name: str, identity: Identity) -> dict[str, str]:
    """Properties of a broker that is `identity`."""
    file = folder / f"{name}.pem"
    file.write_text(identity.pem)
    return {
        f"{prefix}ssl.keystore.type": "PEM",
        f"{prefix}ssl.keystore.location": str(file),
        f"{prefix}ssl.truststore.type": "PEM",
        f"{prefix}ssl.truststore.location": str(folder / "authority.pem"),
    }


def _module(mechanism: str) -> str:
    scram = mechanism.startswith("SCRAM")
    return f"{MODULE}.{'scram.Scram' if scram else 'plain.Plain'}LoginModule"


def _dotted(more: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "."): value for name, value in more.items()}
