"""Experiments of the laboratory (docs/lora-and-privacy.md, docs/adapters.md, docs/paper.md), as `dpflsim lab` runs them."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _program
from ._frames import frame
from ._typed import build
from .commands import Path, ScenarioLike, _arguments, _axes, _options


@dataclass(frozen=True, slots=True)
class LabTable:
    """One table; the first column names the row."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[Any]]

    def frame(self) -> Any:
        """As a `pandas.DataFrame`."""
        return frame([dict(zip(self.columns, row)) for row in self.rows], self.columns)


@dataclass(frozen=True, slots=True)
class LabFinding:
    """What was expected, what was measured, and whether it holds."""

    experiment: str
    expectation: str
    measured: str
    holds: bool


@dataclass(frozen=True, slots=True)
class LabReport:
    """What an experiment leaves."""

    name: str
    title: str
    tables: list[LabTable]
    findings: list[LabFinding]
    folder: pathlib.Path | None
    """With the tables as CSV and a page of charts; None where `into` was not given."""

    def table(self, name: str) -> LabTable:
        """The table of that name.

        Raises:
            KeyError: there is none; the message lists those that are.
        """
        for one in self.tables:
            if one.name == name:
                return one
        raise KeyError(f"{name!r} is none of {[one.name for one in self.tables]}")


def membership(
    scenario: ScenarioLike,
    *,
    ranks: Iterable[int] | None = None,
    models: int | None = None,
    pool: int | None = None,
    steps: int | None = None,
    noise_multiplier: float | None = None,
    seed: int | None = None,
    into: Path | None = None,
) -> LabReport:
    """Membership inference against full fine-tuning, LoRA and frozen A.

    Args:
        scenario: whose data and model are used.
        ranks: of the adapters.
        models: of each kind, each of them a shadow of the others.
        pool: examples, of which each model trains on a random half.
        steps: with the whole half as one batch.
        noise_multiplier: of the private rows.
        into: a folder that keeps tables and charts.
    """
    options = _options(
        ranks=_list(ranks), models=models, pool=pool, steps=steps, noise_multiplier=noise_multiplier, seed=seed
    )
    return _lab("membership", options, into, scenario)


def merging(
    scenario: ScenarioLike,
    *,
    tasks: Iterable[int] | None = None,
    seeds: int | None = None,
    examples: int | None = None,
    steps: int | None = None,
    rank: int | None = None,
    noise_multiplier: float | None = None,
    seed: int | None = None,
    into: Path | None = None,
) -> LabReport:
    """What is left of experts when they are merged into one model.

    Args:
        scenario: whose data set and model are used.
        tasks: numbers of experts.
        seeds: to average over.
        examples: training examples of each expert.
        steps: of each expert, with all its examples as one batch.
        rank: of low-rank experts.
        noise_multiplier: of DP-SGD; None trains without noise.
        into: a folder that keeps tables and charts.
    """
    options = _options(
        tasks=_list(tasks), seeds=seeds, examples=examples, steps=steps, rank=rank,
        noise_multiplier=noise_multiplier, seed=seed,
    )  # fmt: skip
    return _lab("merging", options, into, scenario)


def lora_noise(*, ranks: Iterable[int] | None = None, seed: int | None = None, into: Path | None = None) -> LabReport:
    """The noise that LoRA injects: variance, distance to a normal law, dependence, privacy."""
    return _lab("lora-noise", _options(ranks=_list(ranks), seed=seed), into)


def federated_noise(*, seed: int | None = None, into: Path | None = None) -> LabReport:
    """What the noise of single clients becomes in the averaged product, rule by rule."""
    return _lab("federated-noise", _options(seed=seed), into)


def planning_tokens(
    *, seeds: int | None = None, pretraining_steps: int | None = None, seed: int | None = None, into: Path | None = None
) -> LabReport:
    """Whether trained rows tell a frozen decoder which arithmetic a text follows."""
    return _lab("planning-tokens", _options(seeds=seeds, pretraining_steps=pretraining_steps, seed=seed), into)


def _list(numbers: Iterable[float] | None) -> str | None:
    return None if numbers is None else ",".join(str(number) for number in numbers)


def _lab(
    name: str,
    options: list[str],
    into: Path | None,
    scenario: ScenarioLike | None = None,
    changes: Mapping[str, Any] | None = None,
) -> LabReport:
    with tempfile.TemporaryDirectory(prefix="dpflsim-") as unwanted:
        kept = ["--quiet", "--into", os.path.abspath(into) if into is not None else unwanted]
        if scenario is None:
            document = _program.document(["lab", name, *options, *kept])
        else:
            with _arguments(scenario, changes, {}) as (arguments, file):
                document = _program.document(["lab", name, *arguments, *options, *kept], file=file)
    return build(LabReport, document, folder=pathlib.Path(into) if into is not None else None)


def projection(
    *,
    ranks: Iterable[int] | None = None,
    epsilon: Iterable[float] | None = None,
    seeds: int | None = None,
    examples: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    into: Path | None = None,
) -> LabReport:
    """Noise before a random projection (M2), beside DP-SGD and DP-LoRA-FA at equal epsilon.

    Args:
        ranks: of the projections.
        epsilon: budgets.
        seeds: to average over.
        examples: of Fashion-MNIST to train on.
        steps: on batches of a twentieth of the examples.
        into: a folder that keeps tables and charts.
    """
    options = _options(
        ranks=_list(ranks), epsilon=_list(epsilon), seeds=seeds, examples=examples, steps=steps, seed=seed
    )
    return _lab("projection", options, into)


def detection(
    scenario: ScenarioLike,
    *,
    epsilon: Iterable[float | None] | None = None,
    method: Iterable[str] | str | None = None,
    seeds: Iterable[int] | None = None,
    vary: Mapping[str, Iterable[Any]] | None = None,
    until_round: int | None = None,
    workers: int | None = None,
    set: Mapping[str, Any] | None = None,
    into: Path | None = None,
) -> LabReport:
    """Whether the clusters are found, from the first rounds alone, under the noise of the whole run.

    Args:
        scenario: also a sweep file.
        epsilon, method, seeds, vary: the grid, as of `dpflsim.sweep`.
        until_round: the round after which to look; needed for methods that do not cluster the first updates.
        set: settings to change in every cell.
        into: a folder that keeps tables and charts.
    """
    options = _axes(epsilon, method, seeds, vary) + _options(until_round=until_round, workers=workers)
    return _lab("detection", options, into, scenario, set)
