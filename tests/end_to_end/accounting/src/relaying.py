"""What stands between the first and the last streamlet; `chaos_pipeline` has those."""

from __future__ import annotations

from chaos_pipeline import Numbered

from streamlet_sdk import Emission, Inlet, Outlet, Parameter, Record, Streamlet

EDITION = "first"


class Relay(Streamlet):
    """Passes numbers on, with a note of who did it."""

    in_ = Inlet(Numbered)
    out = Outlet(Numbered)

    mark = Parameter(str, default="", description="Goes into the note of each record.")

    @in_.each
    def go(self, item: Numbered, record: Record[Numbered]) -> Emission[Numbered]:
        note = f"{EDITION} {self.mark}"
        return self.out(Numbered(number=item.number, note=note), key=record.key)
