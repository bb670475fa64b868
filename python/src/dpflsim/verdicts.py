"""What commands say of runs and scenarios in a few figures: advice, audits, merged adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._frames import flat, frame
from .results import Finding


@dataclass(frozen=True, slots=True)
class Advice:
    """Which budget, method and settings serve the worst-off cluster of a scenario (docs/sweep-and-compare.md)."""

    scenario: str
    sentences: list[str]
    surer: list[str]
    chosen: dict[str, Any] | None
    document: dict[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What one surface of release shows of some clients."""

    surface: str
    clients: str
    canaries: int
    guesses: int
    correct: int
    claimed_epsilon: float | None
    delta: float
    lower_bound: float
    gaussian_lower_bound: float | None
    best_possible: float | None
    refuted: bool
    proven_epsilon: float | None = None


@dataclass(frozen=True, slots=True)
class AuditReport:
    """An audit of one run (docs/audit.md): lower bounds of ε beside the stated one.

    `refuted` where a row shows more than was stated, which a sound engine gives in one audit of twenty at most. `allowed`
    are critical findings of the check that were allowed by name, with which a stated ε says little; `notes` say which
    figures could show nothing, and what to change.
    """

    scenario: str
    seed: int
    kind: str
    confidence: float
    rows: list[AuditRow]
    alarm: bool
    allowed: list[Finding]
    notes: list[str]
    document: dict[str, Any] = field(compare=False, repr=False)

    @property
    def refuted(self) -> bool:
        return self.alarm or any(row.refuted for row in self.rows)

    def frame(self) -> Any:
        """The rows as a DataFrame."""
        return frame([flat(row) for row in self.rows])


@dataclass(frozen=True, slots=True)
class MergedAdapter:
    """An adapter out of several (docs/adapters.md), with the guarantee of the whole."""

    files: list[str]
    parts: int
    layers: int
    rule: str
    largest_error: float
    epsilon: float | None
    delta: float
    privacy: str
    protects: str | None
    allowed: list[str]
    accuracies_missing: str | None
    document: dict[str, Any] = field(compare=False, repr=False)
