"""Sweeps and comparisons as records (docs/sweep-and-compare.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ._frames import flat, frame
from .errors import InvalidInput, Problem
from .progress import CellState


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` seeds with Student's interval at 95 %, from three seeds on."""

    n: int
    mean: float | None
    lower: float | None
    upper: float | None
    standard_deviation: float | None = None
    """Of the seeds (n - 1), from two on."""


@dataclass(frozen=True, slots=True)
class ComparedCluster:
    """A true cluster in a cell."""

    name: str
    clients: int
    minority: bool
    accuracy: Estimate
    price_of_privacy: Estimate | None
    price_of_mistakes: Estimate | None


@dataclass(frozen=True, slots=True)
class ComparedGroup:
    """A group of people in a cell; figures of two classes have no values elsewhere."""

    attribute: str
    name: str
    test_examples: int
    accuracy: Estimate
    loss: Estimate
    sensitivity: Estimate
    specificity: Estimate
    predicted_positive: Estimate
    auc: Estimate
    calibration_error: Estimate


@dataclass(frozen=True, slots=True)
class ComparedCell:
    """Runs that differ in nothing but their seed."""

    method: str
    epsilon: str
    settings: str
    seeds: list[int]
    runs: list[str]
    metrics: dict[str, Estimate]
    groups: list[ComparedGroup]
    """Of people; none without `data.group_columns`."""
    clusters: list[ComparedCluster]
    price_of_privacy: dict[str, Estimate] | None
    price_of_mistakes: dict[str, Estimate] | None
    allowed: list[str] = field(default_factory=list)
    """Rules of the check without whose allowance there would be no such ε, which says little: "withdrawn" where this version
    refuses the scenario."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Hedges's g of differences between seeds, with its 95 % interval."""

    g: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """The best method of an ε against another one, seed by seed."""

    settings: str
    epsilon: str
    metric: str
    best: str
    other: str
    difference: Estimate
    p_value: float | None
    exact: bool
    holm_p_value: float | None = None
    """Among more than five comparisons: holds for all of them together."""
    effect_size: Effect | None = None


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    method: str
    epsilon: str
    metric: str
    value: float
    worst_cluster_accuracy: float
    n: int


@dataclass(frozen=True, slots=True)
class Frontier:
    """Points that no other method or budget beats at the same ε or less, of cells with nothing allowed."""

    settings: str
    points: list[FrontierPoint]
    knee: FrontierPoint | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Finished runs over their seeds."""

    cells: list[ComparedCell]
    contrasts: list[Contrast]
    frontiers: list[Frontier]
    document: dict[str, Any] = field(compare=False, repr=False)

    def frame(self, table: str = "metrics") -> Any:
        """A `pandas.DataFrame`.

        Args:
            table: "metrics" has a row for each cell and metric, "clusters" one for each cell and true cluster, "groups"
                one for each cell and group of people, "contrasts" and "frontier" one for each of theirs.
        """
        tables = {
            "metrics": self._metrics,
            "clusters": lambda: self._parts("clusters"),
            "groups": lambda: self._parts("groups"),
            "contrasts": lambda: (flat(one) for one in self.contrasts),
            "frontier": lambda: (
                {"settings": one.settings} | flat(point) | {"is_knee": point == one.knee}
                for one in self.frontiers
                for point in one.points
            ),
        }
        if table not in tables:
            raise InvalidInput([Problem(table, "is no table of a comparison", "there are " + ", ".join(tables))])
        return frame(tables[table]())

    def pivot(self, metric: str = "worst_cluster_accuracy") -> Any:
        """The means of a metric: methods and settings down, ε across, in the order of the comparison.

        Raises:
            InvalidInput: no cell has the metric.
        """
        known = sorted({name for cell in self.cells for name in cell.metrics})
        if metric not in known:
            raise InvalidInput([Problem(metric, "is no metric of the comparison", "there are " + ", ".join(known))])
        rows: dict[str, dict[str, Any]] = {}
        for cell in self.cells:
            row = rows.setdefault(f"{cell.method} {cell.settings}".strip(), {})
            row[cell.epsilon] = cell.metrics[metric].mean
        return frame([{"method": name} | row for name, row in rows.items()]).set_index("method")

    def _metrics(self) -> Iterator[dict[str, Any]]:
        for cell in self.cells:
            for name, estimate in cell.metrics.items():
                yield _cell(cell) | {"metric": name} | flat(estimate)

    def _parts(self, name: str) -> Iterator[dict[str, Any]]:
        for cell in self.cells:
            for part in getattr(cell, name):
                yield _cell(cell) | flat(part)

    def _repr_html_(self) -> str | None:
        return str(self.pivot()._repr_html_()) if self.cells else None


def _cell(cell: ComparedCell) -> dict[str, Any]:
    return {"settings": cell.settings, "method": cell.method, "epsilon": cell.epsilon}


@dataclass(frozen=True, slots=True)
class SweepResult:
    """A sweep that came to its end. Cells that failed have an `error` and no `run_id`."""

    cells: list[CellState]
    total: int
    failed: int
    store: str

    @property
    def run_ids(self) -> list[str]:
        """The runs of all cells that have a result."""
        return list(dict.fromkeys(cell.run_id for cell in self.cells if cell.run_id))

    def compare(self) -> Comparison:
        """These runs over their seeds."""
        from .commands import compare

        return compare(*self.run_ids, store=self.store)

    def frame(self) -> Any:
        """One row a cell, with the headline figures of its run."""
        from .commands import runs

        known = {run.run_id: run for run in runs(self.store)}
        rows = []
        for cell in self.cells:
            run = known.get(cell.run_id or "")
            figures = ("client_mean_accuracy", "worst_cluster_accuracy", "epsilon_max", "result_digest")
            rows.append(flat(cell) | {name: getattr(run, name, None) for name in figures})
        return frame(rows)
