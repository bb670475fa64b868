"""Running, resuming and reading runs, against the program's own documents."""

import csv
import json
import os
import pathlib
import subprocess
import sys

import pytest

import dpflsim
from dpflsim import scenario as parts
from dpflsim.progress import Preparing, Round, Started


def program(*arguments):
    answer = subprocess.run([os.environ["DPFLSIM_PROGRAM"], *map(str, arguments)], capture_output=True, text=True, check=True)
    return answer.stdout


def test_fields_are_those_of_the_document(tiny, store):
    result = dpflsim.run(tiny, store=store, progress=False)
    document = json.loads(program("runs", "show", "latest", "--store", store, "--format", "json"))
    assert result.document == document and result.store == str(store)
    assert result.accuracy.client_mean == document["accuracy"]["client_mean"] > 0.9
    assert [cluster.name for cluster in result.clusters] == ["offset-0", "offset-1", "offset-2"]
    assert [cluster.minority for cluster in result.clusters] == [True, False, False]
    assert result.privacy.epsilon_by_client == document["privacy"]["epsilon_by_client"]
    assert 4.9 < result.privacy.epsilon_max <= 5 and result.privacy.unit == "example"
    assert result.clustering.candidates[0].clusters == 2 and result.clustering.ari == 1
    assert result.files[0].path.endswith("model-0.safetensors")
    assert result.individual is None and result.adapter is None
    assert dpflsim.load(result.run_id, store=store) == result
    # An ε is never rounded down, and says its δ.
    assert f" at δ {result.privacy.delta} (example)" in repr(result)
    assert float(repr(result).split("ε ")[1].split()[0]) >= result.privacy.epsilon_max
    assert "worst cluster" in repr(result) and "offset-0 (minority)" in result._repr_html_()
    assert [one.rule for one in result.warnings] == ["DP302"] and "DP302, method.candidate_clusters" in result._repr_html_()


def test_every_key_of_the_document_has_a_field(adapted):
    known = {name for name in dpflsim.RunResult.__dataclass_fields__}
    assert set(adapted.document) <= known
    for name in ("accuracy", "fairness", "clustering", "privacy", "adapter", "communication", "model"):
        part = getattr(adapted, name)
        assert set(adapted.document[name]) <= set(part.__dataclass_fields__), name
    for name in ("clusters", "clients", "files"):
        assert set(adapted.document[name][0]) <= set(getattr(adapted, name)[0].__dataclass_fields__), name


def test_overrides_reach_the_scenario(tiny, store):
    result = dpflsim.run(
        tiny, store=store, progress=False, rounds=2, seed=7, method={"name": "mr-mtl", "lambda": 0.5},
        privacy__target_epsilon=None, set={"population.clusters[0].clients": 4}, workers=1, checkpoint_every="never",
    )  # fmt: skip
    assert (result.rounds, result.seed, result.method, result.workers) == (2, 7, "mr-mtl", 1)
    assert result.privacy.epsilon_max is None and result.clusters[0].clients == 4


def test_file_dictionary_and_scenario_are_the_same_run(tiny, store):
    file = dpflsim.run(tiny, store=store, progress=False)
    dictionary = dpflsim.run(json.loads(tiny.read_text()), store=store, progress=False)
    built = dpflsim.run(dpflsim.Scenario.load(tiny), store=store, progress=False)
    assert file.scenario_hash == dictionary.scenario_hash == built.scenario_hash
    assert file.result_digest == dictionary.result_digest == built.result_digest


def test_events_tell_the_story(tiny, store):
    events = []
    result = dpflsim.run(tiny, store=store, progress=events.append)
    started = next(event for event in events if isinstance(event, Started))
    assert started.rounds == 8 and started.clients == 8 and started.run_id == result.run_id
    assert any(isinstance(event, Preparing) for event in events)
    rounds = [event for event in events if isinstance(event, Round)]
    assert [event.round for event in rounds] == list(range(1, 9))
    assert rounds[-1].client_mean_accuracy == result.accuracy.client_mean
    assert [one.accuracy for one in rounds[-1].clusters] == [one.accuracy for one in result.clusters]


def test_tables_are_the_program_s(tiny, store, tmp_path):
    pandas = pytest.importorskip("pandas")
    result = dpflsim.run(tiny, store=store, progress=False, rounds=3)
    program("export", "latest", "--csv", tmp_path / "tables", "--store", store)
    for name in dpflsim.results.TABLES:
        with open(tmp_path / "tables" / f"{name}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        frame = result.frame(name)
        assert isinstance(frame, pandas.DataFrame) and len(frame) == len(rows) > 0, name
    curve = result.frame("rounds")
    assert list(curve["round"]) == [1, 2, 3]
    assert curve["client_mean_accuracy"].iloc[-1] == result.accuracy.client_mean
    assert [row["accuracy"] for row in result.table()] == [client.accuracy for client in result.clients]
    with pytest.raises(dpflsim.InvalidInput, match="nothing: is no table of a run; there are clients"):
        result.frame("nothing")


def test_runs_are_listed_loaded_and_deleted(tiny, store):
    assert len(dpflsim.runs(store)) == 0 and list(dpflsim.runs(store).frame().columns)[0] == "run_id"
    first = dpflsim.run(tiny, store=store, progress=False, rounds=2)
    second = dpflsim.run(tiny, store=store, progress=False, rounds=3)
    listed = dpflsim.runs(store)
    assert [run.run_id for run in listed] == [second.run_id, first.run_id]
    assert listed[0].worst_cluster_accuracy == second.accuracy.worst_cluster
    assert (listed[0].delta, listed[0].unit) == (second.privacy.delta, "example")
    assert listed[0].relation == second.privacy.relation and listed[0].allowed == []
    assert list(listed.frame()["rounds"]) == [3, 2]
    dpflsim.delete(first, store=store)
    assert [run.run_id for run in dpflsim.runs(store)] == [second.run_id]


def test_ledger_proves_what_the_run_states(tiny, store):
    result = dpflsim.run(tiny, store=store, progress=False)
    ledger = dpflsim.ledger(result)
    assert ledger.contradictions == [] and len(ledger.clients) == 8
    assert ledger.clients[3].epsilon == pytest.approx(result.privacy.epsilon_by_client[3])
    assert {bound.accountant for bound in ledger.clients[0].bounds} >= {"rdp", "pld"}
    assert len(ledger.frame()) == 8


def test_relative_data_of_a_dictionary_begin_here(tmp_path, monkeypatch, store):
    rows = [f"{(7 * k) % 11 / 11},{(5 * k) % 13 / 13},{'yes' if (7 * k) % 11 > 5 else 'no'}" for k in range(600)]
    (tmp_path / "table.csv").write_text("a,b,y\n" + "\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    scenario = dpflsim.Scenario(
        name="table",
        rounds=2,
        data=parts.CsvData(
            path="table.csv",
            label_column="y",
            classes=["no", "yes"],
            columns=[parts.NumericColumn(column=name, min=0, max=1) for name in "ab"],
        ),
        population=parts.Population(
            test_examples_per_client=50, clusters=[parts.Cluster(name="all", clients=4, examples_per_client=100)]
        ),
        model=parts.LogisticModel(),
        local=parts.Local(batch_size=20, learning_rate=0.5),
        privacy=parts.Privacy(target_epsilon=3, target_delta=1e-3),
        method=parts.GlobalMethod(),
    )
    result = dpflsim.run(scenario, store=store, progress=False)
    assert result.accuracy.client_mean > 0.5
    moved = dpflsim.run(scenario, store=store, progress=False, data__path=pathlib.Path("table.csv"))
    assert moved.result_digest == result.result_digest


def test_importing_needs_neither_pandas_nor_numpy():
    code = "import sys, dpflsim; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
