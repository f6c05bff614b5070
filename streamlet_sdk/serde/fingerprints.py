"""Fingerprints of schemas that are not Avro's."""

from __future__ import annotations

import hashlib

_DIGITS = 16


def short_sha256(text: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
