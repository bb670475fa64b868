"""The answers of dpflsim as records. docs/command-line.md says what each field means.

Accuracies are shares between 0 and 1. None is what does not exist; an ε of None is no privacy.
"""

from __future__ import annotations

import html
import json
import math
import pathlib
import tempfile
from dataclasses import dataclass, field
from typing import Any

from . import _program, tensors
from ._frames import flat, frame
from ._typed import build
from .errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Means unweighted over clients and by training examples, and the ends."""

    client_mean: float | None
    sample_mean: float | None
    worst_client: float | None
    worst_cluster: float | None
    best_cluster: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoClasses:
    """Figures of models of two classes, class 1 being positive; None for others (docs/metrics.md)."""

    auc: float | None = None
    brier: float | None = None
    calibration_error: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None


@dataclass(frozen=True, slots=True)
class Cluster(TwoClasses):
    """A true cluster: unweighted means over its clients; `samples` are training examples."""

    name: str
    clients: int
    samples: int
    accuracy: float | None
    loss: float | None
    minority: bool
    perplexity: float | None = None


@dataclass(frozen=True, slots=True)
class Client(TwoClasses):
    """A client; `cluster` is the place of its true cluster, `model` the model that it uses."""

    client: int
    cluster: int
    model: int
    train_examples: int
    test_examples: int
    accuracy: float | None
    loss: float | None
    epsilon: float | None
    majority_accuracy: float | None = None
    """What its most frequent class would get, answered always; None where labels are not counted."""


@dataclass(frozen=True, slots=True)
class GroupInCluster:
    """How a group is served within one true cluster."""

    cluster: str
    test_examples: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Group(TwoClasses):
    """A group of people across clients, with the 95 % interval of its accuracy over test examples."""

    name: str
    clients: int
    train_examples: int
    test_examples: int
    accuracy: float | None
    accuracy_lower: float
    accuracy_upper: float
    loss: float | None
    true_positive_rates: list[float | None]
    """By class, against the rest."""
    false_positive_rates: list[float | None]
    predicted_positive: float | None = None
    by_cluster: list[GroupInCluster] | None = None
    """None with one true cluster."""


@dataclass(frozen=True, slots=True)
class GroupAttribute:
    """The groups of one column of `data.group_columns`, and how far they are apart."""

    attribute: str
    groups: list[Group]
    accuracy_gap: float | None
    equalized_odds_gap: float | None
    demographic_parity_gap: float | None


@dataclass(frozen=True, slots=True)
class Fairness:
    """Gap and worst case over clusters, the rest over clients (docs/metrics.md)."""

    worst_cluster_accuracy: float | None
    accuracy_gap: float | None
    accuracy_std: float | None
    bottom10_mean: float | None
    cvar20: float | None
    jain: float | None
    gini: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number of clusters that was tried."""

    clusters: int
    mss: float | None
    mpo: float | None
    bic: float | None
    em_iterations: float | None


@dataclass(frozen=True, slots=True)
class Clustering:
    """What a method with clusters found, and how it agrees with the truth."""

    chosen_clusters: int | None
    mss: float | None
    mpo: float | None
    is_confident: bool | None
    switch_round: int | None
    candidates: list[Candidate]
    ari: float | None
    nmi: float | None
    purity: float | None
    misassigned_clients: list[int]
    first_correct_round: int | None
    minority_isolated: bool | None
    models: list[int]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule of the check says (docs/check.md): severity is critical, warning or note."""

    rule: str
    path: str
    message: str
    severity: str | None = None
    page: str | None = None


@dataclass(frozen=True, slots=True)
class Privacy:
    """The guarantee of every client, for one `unit` under `relation`."""

    unit: str
    relation: str
    sampling: str
    accountant: str | None
    delta: float | None
    epsilon_max: float | None
    arrivals_epsilon_max: float | None
    epsilon_by_client: list[float | None]
    delta_by_client: list[float | None]
    target_epsilon_by_client: list[float | None]
    noise_multiplier_by_client: list[float | None]
    first_round_noise_multiplier_by_client: list[float | None]
    allowed: list[Finding] | None = None
    """Critical findings in spite of which it was run: read them beside every ε."""


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What was trained, sent and averaged, and the error against the exact average of products."""

    aggregation: str
    trains: str
    sends: str
    averages: str
    privacy: str
    last_error: float | None
    largest_error: float | None


@dataclass(frozen=True, slots=True)
class Individual:
    """Examples' own ε. They speak of this run alone and must not be published."""

    examples: int
    least: float
    mean: float
    largest: float
    mean_by_class: list[float | None]
    mean_by_cluster: list[float | None]
    log_loss_correlation: float | None


@dataclass(frozen=True, slots=True)
class Communication:
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True, slots=True)
class ModelSize:
    trainable_parameters: int
    parameters: int


@dataclass(frozen=True, slots=True)
class File:
    """A file of the run; `path` begins at the folder of the store."""

    kind: str
    name: str
    path: str
    sha256: str
    bytes: int


TABLES = (
    "clients",
    "clusters",
    "rounds",
    "client_rounds",
    "cluster_rounds",
    "assignments",
    "privacy_events",
    "client_partition",
)


@dataclass(frozen=True, slots=True, repr=False)
class RunResult:
    """A stored run. One that did not finish has no digest, accuracy, clusters, clients, fairness and privacy."""

    run_id: str
    status: str
    error: str | None
    scenario: str
    scenario_hash: str
    method: str
    variant: str | None
    seed: int
    rounds: int
    finished_rounds: int
    started_at: str
    finished_at: str | None
    result_digest: str | None
    digest_version: int | None
    arithmetic: str | None
    reproducible: bool | None
    accuracy: Accuracy | None
    clusters: list[Cluster] | None
    clients: list[Client] | None
    groups: list[GroupAttribute] | None
    """Of people; None without `data.group_columns`."""
    changes: list[dict[str, Any]] | None
    """Where data change at a round: forgetting and transfer of each such cluster."""
    arrivals: list[dict[str, Any]] | None
    """Clients that arrived after training, as docs/command-line.md describes them."""
    fairness: Fairness | None
    clustering: Clustering | None
    privacy: Privacy | None
    individual: Individual | None
    adapter: AdapterFacts | None
    communication: Communication | None
    model: ModelSize | None
    files: list[File]
    notes: list[str]
    warnings: list[Finding] | None
    wall_seconds: float | None
    total_seconds: float | None
    peak_rss_bytes: int | None
    expected_peak_bytes: int | None
    workers: int | None
    ranks: int | None
    nodes: int | None
    machine: str | None
    dpflsim_version: str | None
    build: str | None
    data_hash: str | None
    store: str
    """The store that holds the run."""
    document: dict[str, Any] = field(compare=False)
    """The whole JSON document, with what this version of the package does not know."""

    @classmethod
    def from_document(cls, document: dict[str, Any], store: str) -> RunResult:
        return build(cls, document, store=store, document=document)

    def table(self, name: str = "clients") -> list[dict[str, Any]]:
        """A table of the run (docs/store.md), one of `TABLES`, as rows."""
        if name not in TABLES:
            raise InvalidInput([Problem(name, "is no table of a run", "there are " + ", ".join(TABLES))])
        with tempfile.TemporaryDirectory() as folder:
            _program.call(["export", self.run_id, "--jsonl", folder, "--store", self.store])
            file = pathlib.Path(folder, f"{name}.jsonl")
            text = file.read_text(encoding="utf-8") if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def frame(self, table: str = "clients") -> Any:
        """A table of the run as a `pandas.DataFrame`; "rounds" has the curve of accuracy."""
        return frame(self.table(table))

    def adapters(self) -> dict[str, tensors.Adapter]:
        """The LoRA adapters of the models in use, by the model's name, in PEFT's names and layout.

        Raises:
            InvalidInput: the run trained no LoRA adapters.
        """
        with tempfile.TemporaryDirectory() as folder:
            _program.call(["export", self.run_id, "--peft", folder, "--store", self.store])
            places = sorted(pathlib.Path(folder).glob("*/adapter_config.json"))
            return {place.parent.name: tensors.Adapter.load(place.parent) for place in places}

    def models(self) -> dict[str, tensors.Tensors]:
        """The parameters that the run stored, by the model's name: whole models, or base and adapters.

        Raises:
            CannotRead: a file is not there or is damaged.
        """
        folder = pathlib.Path(self.store).parent
        return {file.name: tensors.load(folder / file.path) for file in self.files if file.kind == "model"}

    def __repr__(self) -> str:
        parts = [self.run_id, self.status, self.method]
        if self.accuracy is not None and self.accuracy.client_mean is not None:
            parts.append(f"mean {self.accuracy.client_mean:.1%}")
        if self.accuracy is not None:
            # Where all clients are of one cluster its mean would hide every one of them.
            is_one = len(self.clusters or []) == 1
            worst = self.accuracy.worst_client if is_one else self.accuracy.worst_cluster
            if worst is not None:
                parts.append(f"worst {'client' if is_one else 'cluster'} {worst:.1%}")
        if self.privacy is not None:
            epsilon = self.privacy.epsilon_max
            # Rounded up: what is printed must hold.
            parts.append(
                "no ε for every client"
                if epsilon is None
                else f"ε {math.ceil(epsilon * 1000) / 1000:.3f} at δ {self.privacy.delta} ({self.privacy.unit})"
            )
        return f"<RunResult {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one.name)}{' (minority)' if one.minority else ''}</td><td>{one.clients}</td>"
            f"<td>{'–' if one.accuracy is None else f'{one.accuracy:.1%}'}</td></tr>"
            for one in self.clusters or []
        )
        head = "<tr><th>cluster</th><th>clients</th><th>accuracy</th></tr>"
        allowed = (self.privacy.allowed if self.privacy else None) or []
        said = "".join(
            f"<br><small>{html.escape(f'{one.rule}, {one.path}: {one.message}')}</small>" for one in allowed + (self.warnings or [])
        )
        return f"<p>{html.escape(repr(self)[1:-1])}</p><table>{head}{rows}</table>{said}"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A line of the list of runs."""

    run_id: str
    status: str
    scenario: str
    scenario_hash: str
    method: str
    variant: str | None
    seed: int
    rounds: int
    started_at: str
    finished_at: str | None
    client_mean_accuracy: float | None
    worst_cluster_accuracy: float | None
    epsilon_max: float | None
    wall_seconds: float | None
    result_digest: str | None
    error: str | None
    worst_client_accuracy: float | None = None
    delta: float | None = None
    """The largest of the clients; like unit and relation, None without a result."""
    unit: str | None = None
    relation: str | None = None
    allowed: list[Finding] | None = None
    """What the check would have refused; beside it ε says little."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run would take, roughly."""

    seconds_on_one_worker: float
    peak_bytes: int
    trained_examples: int
    evaluated_examples: int


@dataclass(frozen=True, slots=True)
class ReleaseGroup:
    """What clients with equal plans and budgets would release, and its ε."""

    clients: list[int]
    records: int
    batch_size: int
    sample_rate: float | None
    sampled_steps: int
    full_batch_steps: int
    selections: int
    noise_multiplier: float | None
    first_round_noise_multiplier: float | None
    max_grad_norm: float | None
    target_epsilon: float | None
    target_delta: float | None
    epsilon: float | None
    training_epsilon: float | None
    selection_epsilon: float | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a scenario would release, cost and be worth (docs/check.md)."""

    scenario: str
    method: str
    refused: bool
    unit: str
    relation: str
    sampling: str
    accountant: str
    findings: list[Finding]
    groups: list[ReleaseGroup]
    cost: Cost | None
    model_parameters: int | None
    trainable_parameters: int | None
    document: dict[str, Any] = field(compare=False, repr=False)

    def frame(self) -> Any:
        """The findings, one a row."""
        return frame([flat(finding) for finding in self.findings])


@dataclass(frozen=True, slots=True)
class Bound:
    """What one accountant can prove."""

    accountant: str
    epsilon: float | None
    delta: float
    order: float | None
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An accountant that cannot answer."""

    accountant: str
    reason: str


@dataclass(frozen=True, slots=True)
class Epsilon:
    """The ε of releases together with δ, for `unit` under `relation`; None where no ε can be stated."""

    epsilon: float | None
    delta: float
    noise_multiplier: float
    accountant: str
    unit: str
    relation: str
    sampling: str
    bounds: list[Bound]
    refusals: list[Refusal]

    def frame(self) -> Any:
        """The bounds of the accountants, one a row."""
        return frame([flat(bound) for bound in self.bounds])


@dataclass(frozen=True, slots=True)
class LedgerClient:
    """A client's ε from what the run released, beside what the run stated."""

    client: int
    cluster: str
    releases: int
    epsilon: float | None
    stored_epsilon: float | None
    target_epsilon: float | None
    delta: float
    refusal: str | None
    bounds: list[Bound]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every client's ε, computed anew. `contradictions` are clients whose ledger proves more than was stated."""

    run_id: str
    unit: str
    relation: str
    accountant: str
    rounds: int
    finished_rounds: int
    clients: list[LedgerClient]
    contradictions: list[int]

    def frame(self) -> Any:
        """One row a client, without the bounds."""
        return frame([{k: v for k, v in flat(client).items() if k != "bounds"} for client in self.clients])
