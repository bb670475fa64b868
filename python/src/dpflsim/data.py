"""What dpflsim says of data, as records (docs/data.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ._frames import flat, frame


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A published file, and its state on this machine: verified, present, changed or missing."""

    name: str
    path: str | None
    bytes: int | None
    sha256: str | None
    state: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that scenarios can name."""

    name: str
    title: str
    licence: str
    source: str
    """How to get it."""
    folder: str | None
    """Where it, or some part of it, was found."""
    usable: bool
    files: list[DatasetFile]


@dataclass(frozen=True, slots=True)
class Counted:
    """A label or a client, with its rows."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class InspectedColumn:
    """A column at first sight; `kind` is numeric, categorical, identifier, person, image, date, text or empty."""

    name: str
    kind: str
    missing: int
    distinct: int
    min: float | None
    max: float | None
    values: list[str]
    """Of a categorical column, all of them."""
    settles_label: bool
    rows_without_number: int
    remark: str


@dataclass(frozen=True, slots=True)
class CarriedBudget:
    """How much noise the proposed budget brings a client of such a size."""

    client: str
    rows: int
    """That train."""
    least_epsilon: float | None
    """At which the noise of a single step of this client is as long as its clipped gradients (delta 1e-4); no lower limit
    of what is worth trying, since noise averages out over steps and clients. None where no bound is known."""
    run_signal_to_noise: float | None
    """How many times as far as its noise the whole training would move the model at epsilon 3 if all gradients agreed."""


@dataclass(frozen=True, slots=True)
class TableInspection:
    """A first look at a table. It reads every row without noise, so it is for whoever may see them."""

    file: str
    rows: int
    encoding: str
    delimiter: str
    decimal: str
    columns: list[InspectedColumn]
    classes: list[Counted]
    clients: list[Counted]
    carried: list[CarriedBudget]
    """Of the clients that are few, else of the smallest, the median and the largest; empty without a label."""
    scenario: dict[str, Any] | None
    """Proposed; None without a label. Its bounds and categories were read from the rows."""

    def frame(self) -> Any:
        """The columns, one a row."""
        return frame([flat(column) for column in self.columns])


@dataclass(frozen=True, slots=True)
class DescribedClient:
    """What a client holds; labels are counted class by class, as published (raw) and as the client sees them."""

    client: int
    name: str
    cluster: str
    train_examples: int
    test_examples: int
    raw_labels: list[int]
    seen_labels: list[int]
    raw_test_labels: list[int]


@dataclass(frozen=True, slots=True)
class DataDescription:
    """How a scenario reads and deals its data."""

    dataset: str
    dataset_hash: str
    partition_hash: str
    seed: int
    classes: int
    class_names: list[str] | None
    table: dict[str, Any] | None
    """What became of every column, for tables."""
    text: dict[str, Any] | None
    """What of the texts was cut, for texts."""
    rows: dict[str, Any] | None
    """Rows of a table without a label, of persons with another row (both left out), and without a person, and columns
    of which much is outside of what the scenario states."""
    public_labels: list[int]
    shared_train_examples: int
    shared_test_examples: int
    clients: list[DescribedClient]
    document: dict[str, Any] = field(compare=False, repr=False)

    def frame(self) -> Any:
        """The clients, one a row."""
        return frame([flat(client) for client in self.clients])
