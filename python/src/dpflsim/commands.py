"""The commands of dpflsim as functions.

A scenario is the path of a file, a `dpflsim.Scenario`, or a dictionary like the file. Settings are changed by name:
`rounds=5`, `privacy__target_epsilon=2` (two underscores for a dot), or `set={"population.clusters[0].clients": 5}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Union

from . import _program
from ._frames import Rows
from ._part import Part, ScenarioMethods, absolute, is_path, plain
from ._typed import build
from .comparison import Comparison, SweepResult
from .data import DataDescription, Dataset, TableInspection
from .errors import MissingInput, Problem, WrongUsage
from .progress import Event, display_for
from .results import CheckReport, Epsilon, Ledger, RunResult, RunSummary
from .verdicts import Advice, AuditReport, MergedAdapter

ScenarioLike = Union[str, os.PathLike[str], ScenarioMethods, Mapping[str, Any]]
Progress = Union[bool, Callable[[Event], Any], None]
Path = Union[str, os.PathLike[str]]


def run(
    scenario: ScenarioLike,
    *,
    store: Path | None = None,
    workers: int | None = None,
    memory_limit: str | int | None = None,
    checkpoint_every: int | str | None = None,
    allow: Iterable[str] = (),
    keep_updates: bool = False,
    progress: Progress = None,
    set: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> RunResult:
    """Simulates a scenario and stores every round.

    Args:
        scenario: a file, a `Scenario` or a dictionary; relative paths in the latter two begin at the current folder.
        store: of the runs; default `results/dpflsim.sqlite` of the project.
        workers: cores; the result does not depend on them.
        memory_limit: bytes, or text such as "500MB".
        checkpoint_every: rounds, seconds such as "30s", or "never".
        allow: critical rules of the check, such as "DP102", in spite of which it is run.
        keep_updates: stores every released update, so that others can audit the run.
        progress: False shows none, True shows a bar; a function is called with each event of `dpflsim.progress`.
            By default a bar is shown in notebooks and terminals.
        set: settings by their path.
        **overrides: settings by name.

    Raises:
        InvalidInput: the scenario or the data are wrong; nothing was trained.
        Interrupted: Ctrl-C. The last finished round is stored, and `resume` goes on with it.
        DpflsimError: everything else, with place, fix and exit code.
    """
    with _arguments(scenario, set, overrides) as (arguments, file):
        options = _options(workers=workers, memory_limit=memory_limit, checkpoint_every=checkpoint_every)
        kept = ["--keep-updates"] if keep_updates else []
        return _run(["run", *arguments, *options, *kept, *_allowed(allow)], store, progress, file)


def resume(
    run: str = "latest",
    *,
    store: Path | None = None,
    workers: int | None = None,
    memory_limit: str | int | None = None,
    take_over: bool = False,
    progress: Progress = None,
) -> RunResult:
    """Goes on with an interrupted run, to the result that it would have had.

    Args:
        run: its name, the beginning of it, or "latest".
        take_over: also if a process of another machine seems to be at it.

    Raises:
        MissingInput: there is no such run.
        WrongUsage: it is done, or another process is at it.
        Interrupted, DpflsimError: as `run`.
    """
    arguments = ["run", "--resume", run] + (["--take-over"] if take_over else [])
    return _run(arguments + _options(workers=workers, memory_limit=memory_limit), store, progress, None)


def _axes(
    epsilon: Iterable[float | None] | None,
    method: Iterable[str] | str | None,
    seeds: Iterable[int] | None,
    vary: Mapping[str, Iterable[Any]] | None,
) -> list[str]:
    """The options that span a grid."""
    axes: list[str] = []
    if epsilon is not None:
        axes += ["--epsilon", ",".join("none" if one is None else repr(plain(one)) for one in epsilon)]
    if method is not None:
        axes += ["--method", method if isinstance(method, str) else ",".join(method)]
    if seeds is not None:
        axes += ["--seeds", ",".join(str(one) for one in seeds)]
    for key, values in (vary or {}).items():
        axes += ["--vary", f"{key}=" + ",".join(_json(value) for value in values)]
    return axes


def sweep(
    scenario: ScenarioLike,
    *,
    epsilon: Iterable[float | None] | None = None,
    method: Iterable[str] | str | None = None,
    seeds: Iterable[int] | None = None,
    vary: Mapping[str, Iterable[Any]] | None = None,
    store: Path | None = None,
    workers: int | None = None,
    jobs: int | None = None,
    memory_limit: str | int | None = None,
    allow: Iterable[str] = (),
    progress: Progress = None,
    set: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> SweepResult:
    """Runs a grid. What the store has is not run again; called again, an interrupted sweep goes on.

    Args:
        epsilon: budgets; None trains without privacy.
        method: names of methods.
        seeds: such as `range(5)`.
        vary: other settings with their values, such as `{"adapter.r": [1, 4]}`.
        jobs: cells at the same time.
        memory_limit: of all cells together.
        Others as `run`. A sweep file may stand for the scenario.

    Raises:
        InvalidInput: the scenario is wrong, or no cell has a result. Cells that failed among others have an `error`.
        Interrupted, DpflsimError: as `run`.
    """
    where = _store(store)
    axes = _axes(epsilon, method, seeds, vary)
    options = _options(workers=workers, jobs=jobs, memory_limit=memory_limit)
    with _arguments(scenario, set, overrides) as (arguments, file):
        document = _follow(["sweep", *arguments, *axes, *options, *_allowed(allow), "--store", where], progress, file)
    return build(SweepResult, document, store=where)


def check(scenario: ScenarioLike, *, set: Mapping[str, Any] | None = None, **overrides: Any) -> CheckReport:
    """What a scenario would release, cost and be worth. Critical findings do not raise: look at `refused`.

    Raises:
        InvalidInput: the scenario cannot be read.
    """
    with _arguments(scenario, set, overrides) as (arguments, file):
        document = _program.document(["check", *arguments], file=file, answers_on=(0, 65))
    return build(CheckReport, document, document=document)


def describe(scenario: ScenarioLike, *, set: Mapping[str, Any] | None = None, **overrides: Any) -> DataDescription:
    """How a scenario reads and deals its data: classes, columns, examples of each client.

    Raises:
        InvalidInput: the scenario or the data are wrong.
    """
    with _arguments(scenario, set, overrides) as (arguments, file):
        document = _program.document(["data", "describe", *arguments], file=file)
    return build(DataDescription, document, document=document)


def inspect(table: Path, *, label: str | None = None, client: str | None = None) -> TableInspection:
    """A first look at a table, and with a label a scenario that reads it.

    Args:
        table: a file.
        label: the column of the label.
        client: the column whose values are the clients.

    Raises:
        WrongUsage: the table is no file but in memory.
        InvalidInput: the file is no table, or has no such column.
        MissingInput: there is no such file.
    """
    if not isinstance(table, (str, os.PathLike)):
        # The proposed scenario has to name a file that is there for a run.
        what = f"is a {type(table).__name__}, and scenarios read files"
        raise WrongUsage([Problem("table", what, "write it with table.to_csv(FILE, index=False) and inspect FILE")])
    arguments = ["data", "inspect", os.fspath(table), *_options(label=label, client=client)]
    return build(TableInspection, _program.document(arguments))


def compare(*runs: str | RunResult | RunSummary, scenario: str | None = None, store: Path | None = None) -> Comparison:
    """Compares finished runs over their seeds.

    Args:
        runs: which; default all of the store.
        scenario: only runs of the scenario with this name.
    """
    names = [one if isinstance(one, str) else one.run_id for one in runs]
    arguments = ["compare", *names, "--store", _store(store)] + _options(scenario=scenario)
    document = _program.document(arguments)
    return build(Comparison, document, document=document)


def runs(store: Path | None = None) -> Rows[RunSummary]:
    """The stored runs, the latest first; none where there is no store yet."""
    where = _store(store)
    if not os.path.exists(where):
        return Rows([], RunSummary)
    documents = _program.document(["runs", "--store", where])
    return Rows([build(RunSummary, document) for document in documents], RunSummary)


def load(run: str = "latest", *, store: Path | None = None) -> RunResult:
    """A stored run.

    Args:
        run: its name, the beginning of it, or "latest".

    Raises:
        MissingInput: there is no such run, or no store.
    """
    where = _store(store)
    document = _program.document(["runs", "show", run, "--store", where])
    return RunResult.from_document(document, where)


def delete(*runs: str | RunResult | RunSummary, store: Path | None = None) -> None:
    """Deletes runs, by their whole names.

    Raises:
        MissingInput: one of them is not there.
    """
    names = [one if isinstance(one, str) else one.run_id for one in runs]
    _program.call(["runs", "delete", *names, "--store", _store(store)])


def ledger(run: str | RunResult = "latest", *, store: Path | None = None) -> Ledger:
    """Every client's ε, computed anew from what a run released, with the bounds of all accountants."""
    if isinstance(run, RunResult):
        store = store or run.store
        run = run.run_id
    document = _program.document(["privacy", "ledger", run, "--compare", "--store", _store(store)])
    return build(Ledger, document)


def report(*runs: str | RunResult | RunSummary, output: Path, scenario: str | None = None, store: Path | None = None) -> pathlib.Path:
    """Writes a report of runs, default all of the store, as one HTML file."""
    names = [one if isinstance(one, str) else one.run_id for one in runs]
    _program.call(["report", *names, "-o", os.fspath(output), "--store", _store(store)] + _options(scenario=scenario))
    return pathlib.Path(output)


def advise(scenario: str | None = None, *, store: Path | None = None) -> list[Advice]:
    """Which budget, method and settings serve the worst-off cluster, and how sure that is, of each scenario with runs.

    Args:
        scenario: a scenario's file or name; default all.

    Raises:
        MissingInput: there are no finished runs of it.
    """
    names = [] if scenario is None else [os.fspath(scenario)]
    documents = _program.document(["advise", *names, "--store", _store(store)])
    return [build(Advice, document, document=document) for document in documents]


def audit(
    scenario: ScenarioLike,
    *,
    kind: str = "gradient",
    canaries: int | None = None,
    store: Path | None = None,
    workers: int | None = None,
    allow: Iterable[str] = (),
    set: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> AuditReport:
    """Attacks a run of a scenario with canaries and shows the least ε that it can have had. A refuted claim does not raise.

    Args:
        kind: of the canaries: "gradient" (the worst record), "mislabelled" or "far-out".
        canaries: of all clients together; default 40 for each client.
        allow: critical rules of the check, such as "DP102", in spite of which it is audited.

    Raises:
        InvalidInput: the scenario is wrong, cannot be audited, or is refused by the check.
    """
    with _arguments(scenario, set, overrides) as (arguments, file):
        options = _options(kind=kind, canaries=canaries, workers=workers)
        command = ["audit", *arguments, *options, *_allowed(allow), "--quiet", "--store", _store(store)]
        document = _program.document(command, file=file, answers_on=(0, 70))
    return build(AuditReport, document, document=document)


def export(
    run: str | RunResult = "latest",
    *,
    csv: Path | None = None,
    jsonl: Path | None = None,
    peft: Path | None = None,
    tensorboard: Path | None = None,
    mlflow: Path | None = None,
    replace: bool = False,
    store: Path | None = None,
) -> list[pathlib.Path]:
    """Writes a run's tables, its adapters as PEFT folders, or what trackers read, into folders, and gives the files.

    Args:
        replace: adapters of other runs in the folder of `peft` are deleted.

    Raises:
        InvalidInput: the run has nothing of the kind.
    """
    if isinstance(run, RunResult):
        store = store or run.store
        run = run.run_id
    folders = {"csv": csv, "jsonl": jsonl, "peft": peft, "tensorboard": tensorboard, "mlflow": mlflow}
    options = _options(**{name: None if folder is None else os.fspath(folder) for name, folder in folders.items()})
    said = _program.call(["export", run, *options, *(["--replace"] if replace else []), "--store", _store(store)])
    return [pathlib.Path(line) for line in said.splitlines() if line]


def merge(
    *parts: str | Path | RunResult,
    into: Path,
    rule: str = "uniform",
    space: str = "product",
    scale: float | None = None,
    density: float | None = None,
    rank: int | None = None,
    replace: bool = False,
    disjoint: bool = False,
    store: Path | None = None,
) -> MergedAdapter:
    """Merges low-rank adapters of runs or folders into one folder, with the guarantee of the whole.

    Args:
        parts: runs (all their models), their names, or folders.
        rule: "uniform", "task-arithmetic", "ties-peft", "ties-mttl", "sparse-overlap" or "dare".
        space: "product" merges s B A, "factors" A and B by themselves.
        scale, density: of the rules that have them.
        rank: of the result; default the sum of the parts' ranks.
        replace: whether an adapter that the folder holds is written over.
        disjoint: states that no record, or person, is in the data of two runs: the largest ε then counts. Runs with one
            seed had the same noise, and have no ε together; nor have guarantees for examples and clients.

    Raises:
        InvalidInput: the adapters do not go together.
    """
    names = [part.run_id if isinstance(part, RunResult) else os.fspath(part) for part in parts]
    store = store or next((part.store for part in parts if isinstance(part, RunResult)), None)
    options = _options(into=os.fspath(into), rule=rule, space=space, scale=scale, density=density, rank=rank)
    command = ["merge", *names, *options, *(["--replace"] if replace else []), *(["--disjoint"] if disjoint else []), "--store", _store(store)]
    document = _program.document(command)
    return build(MergedAdapter, document, document=document)


def epsilon(
    *,
    noise_multiplier: float,
    delta: float,
    sample_rate: float | None = None,
    steps: int | None = None,
    full_batch_steps: int | None = None,
    full_batch_noise_ratio: float | None = None,
    selections: int | None = None,
    selection_epsilon: float | None = None,
    accountant: str = "best",
) -> Epsilon:
    """The ε of releases together, for one example added or removed, with Poisson sampling.

    Args:
        noise_multiplier: standard deviation of the noise over the clipping bound.
        delta: of the guarantee.
        sample_rate: with which an example enters a batch of the training steps.
        steps: of training, in all rounds together; none where there are full-batch steps or selections alone.
        full_batch_steps: steps with the whole data set as one batch.
        full_batch_noise_ratio: their noise multiplier over that of the others.
        selections: private choices of a cluster, of `selection_epsilon` each.
        accountant: "rdp", "pld", "gdp" or "best".
    """
    options = locals()
    return _account("epsilon", options)


def calibrate(
    *,
    target_epsilon: float,
    delta: float,
    sample_rate: float | None = None,
    steps: int | None = None,
    full_batch_steps: int | None = None,
    full_batch_noise_ratio: float | None = None,
    selections: int | None = None,
    selection_epsilon: float | None = None,
    accountant: str = "best",
) -> Epsilon:
    """The smallest noise multiplier that keeps the releases within `target_epsilon`; others as `epsilon`.

    Raises:
        InvalidInput: no noise does.
    """
    options = locals()
    return _account("calibrate", options)


def datasets(name: str | None = None) -> Rows[Dataset]:
    """The data sets that have files, or the one named, with the state of every file; each is read to its end.

    Raises:
        InvalidInput: there is no data set of that name.
    """
    document = _program.document(["data", "list", *([name] if name is not None else [])], answers_on=(0, 65, 66))
    return Rows([build(Dataset, one) for one in document], Dataset)


def version() -> str:
    """The version of the program."""
    import subprocess

    return subprocess.run([_program.program().path, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]


def _account(command: str, options: dict[str, Any]) -> Epsilon:
    return build(Epsilon, _program.document(["privacy", command, "--compare", *_options(**options)]))


def _run(arguments: list[str], store: Path | None, progress: Progress, file: str | None) -> RunResult:
    where = _store(store)
    return RunResult.from_document(_follow([*arguments, "--store", where], progress, file), where)


def _follow(arguments: list[str], progress: Progress, file: str | None) -> Any:
    display = display_for(progress)
    try:
        return _program.document([*arguments, "--progress", "json"], follow=display, file=file)
    finally:
        if display is not None:
            display.close()


def _store(store: Path | None) -> str:
    return os.path.abspath(os.fspath(store) if store is not None else _program.program().default_store)


def _options(**values: Any) -> list[str]:
    """`--some-option VALUE` for each that is given."""
    options: list[str] = []
    for name, value in values.items():
        if value is not None:
            options += ["--" + name.replace("_", "-"), str(plain(value))]
    return options


def _allowed(rules: Iterable[str]) -> list[str]:
    names = [rules] if isinstance(rules, str) else list(rules)
    return [word for name in names for word in ("--allow", name)]


def _json(value: Any) -> str:
    try:
        return json.dumps(plain(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WrongUsage([Problem("", f"{value!r} cannot be written as JSON ({error})", "give numbers, text, lists or parts")]) from None


@contextlib.contextmanager
def _arguments(
    scenario: ScenarioLike, settings: Mapping[str, Any] | None, overrides: Mapping[str, Any]
) -> Iterator[tuple[list[str], str]]:
    """The scenario's file, written where there is none, and its changes as options; and the name of the file."""
    changes = {name.removesuffix("_").replace("__", "."): value for name, value in overrides.items()} | dict(settings or {})
    if isinstance(scenario, (str, os.PathLike)):
        file = os.fspath(scenario)
        if not os.path.exists(file):
            raise MissingInput([Problem(file, "there is no such file", "name a scenario file")])
        yield [file, *_changes(changes, None)], file
        return
    if not isinstance(scenario, (Part, Mapping)):
        raise WrongUsage([Problem("scenario", f"is {type(scenario).__name__}", "give a path, a Scenario or a dictionary")])
    document = absolute(plain(scenario if isinstance(scenario, Part) else dict(scenario)), os.getcwd())
    with tempfile.TemporaryDirectory(prefix="dpflsim-") as folder:
        file = os.path.join(folder, "scenario.json")
        pathlib.Path(file).write_text(_json(document), encoding="utf-8")
        yield [file, *_changes(changes, os.getcwd())], file


def _changes(changes: Mapping[str, Any], folder: str | None) -> list[str]:
    """`--set` options; paths begin at the folder, where one is given."""
    options = []
    for key, value in changes.items():
        value = plain(value)
        if folder is not None and isinstance(value, str) and is_path(key.rpartition(".")[2]):
            value = os.path.abspath(os.path.join(folder, os.path.expanduser(value)))
        options += ["--set", f"{key}={_json(value)}"]
    return options
