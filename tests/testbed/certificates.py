"""Certificates for brokers and clients of tests, by an authority that lives as long as they do."""

from __future__ import annotations

from dataclasses import dataclass, field

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Identity:
    """A key and the chain of certificates that says whose it is, in PEM."""

    key: str
    chain: str

    @property
    def pem(self) -> str:
        """Both, as key stores of type PEM have them."""
        return f"{self.key}\n{self.chain}"


@dataclass(frozen=True)
class Authority:
    """Signs certificates; whoever trusts `pem` trusts them."""

    _ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def pem(self) -> str:
        """The certificate of the authority itself."""
        return self._ca.cert_pem.bytes().decode()

    def identity(
        self, *names: str, password: str | None = None, common_name: str | None = None
    ) -> Identity:
        """One whose certificate is for `names`: hosts, addresses; `password` locks the key.

        `common_name` is who has it for those that ask a client for a certificate.
        """
        made = self._ca.issue_cert(*names, common_name=common_name)
        # Kafka reads no other form of a key than PKCS #8.
        locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        key = load_pem_private_key(made.private_key_pem.bytes(), None)
        return Identity(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode(),
            "".join(blob.bytes().decode() for blob in made.cert_chain_pems),
        )
