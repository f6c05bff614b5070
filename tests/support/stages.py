"""Streamlets for pods that are started as processes of their own."""

from __future__ import annotations

from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Streamlet


class Repeat(Streamlet):
    """Sends each value on, so many times in a row that it may become too large."""

    in_ = Inlet(bytes)
    out = Outlet(bytes)

    times = Parameter(int, default=1, description="How often a value is repeated in its output.")

    @in_.each
    def repeat(self, value: bytes) -> Emission:
        """One record for each record."""
        return self.out(value * self.times)
