"""The error of everything that keeps an image from being made."""

from __future__ import annotations

from streamlet_sdk.errors import CloudflowError


class ImageError(CloudflowError):
    """An image cannot be built, read or pushed; `hint` says what to do."""
