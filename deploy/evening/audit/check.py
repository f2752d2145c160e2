"""What an audit answers: checks, each with its figures and, when it failed, what was found. Knows no engine."""

from typing import Any, Final

import msgspec

_TOLD: Final = 8


class Check(msgspec.Struct, frozen=True):
    """One thing that must hold, whether it does, and the figures it was judged by."""

    name: str
    ok: bool
    figures: dict[str, Any]
    faults: list[str]

    def as_dict(self) -> dict[str, Any]:
        """As it is written into the report."""
        return {"name": self.name, "ok": self.ok, **self.figures, "faults": self.faults}


class Findings:
    """Gathers the faults of one check. A check that looked at nothing has not held, so lookings are counted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._figures: dict[str, Any] = {}
        self._faults: list[str] = []
        self._looked = 0
        self._failed = 0

    def expect(self, holds: object, fault: str) -> None:
        """Look at one thing; `fault` says what is wrong when it does not hold."""
        self._looked += 1
        if not holds:
            self._failed += 1
            if len(self._faults) < _TOLD:
                self._faults.append(fault)

    def figure(self, **figures: Any) -> None:
        """A number that somebody who distrusts us could count again."""
        self._figures.update(figures)

    def check(self) -> Check:
        """The verdict."""
        figures = {**self._figures, "looked_at": self._looked, "failed": self._failed}
        return Check(name=self._name, ok=self._failed == 0 and self._looked > 0, figures=figures, faults=self._faults)
