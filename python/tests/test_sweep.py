"""Sweeps and comparisons, against the program's own documents and tables."""

import csv
import io
import os
import subprocess

import pytest

import dpflsim
from dpflsim.progress import CellChanged, SweepStarted


def test_cells(swept):
    assert swept.total == len(swept.cells) == 8 and swept.failed == 0
    assert {(cell.method, cell.epsilon, cell.seed) for cell in swept.cells} == {
        (method, epsilon, seed) for method in ("r-dpcfl", "global") for epsilon in ("2", "none") for seed in (0, 1)
    }
    frame = swept.frame()
    assert len(frame) == 8 and frame["worst_cluster_accuracy"].notna().all()
    assert frame.loc[frame["epsilon"] == "none", "epsilon_max"].isna().all()


def test_what_is_stored_is_known(swept, tiny):
    events = []
    again = dpflsim.sweep(
        tiny, epsilon=[2, None], method="r-dpcfl,global", seeds=[0, 1], store=swept.store, progress=events.append
    )
    assert {cell.status for cell in again.cells} == {"known"} and again.run_ids == swept.run_ids
    assert [type(event) for event in events] == [SweepStarted] and events[0].over == events[0].total == 8


def test_progress_of_cells(tiny, store):
    events = []
    dpflsim.sweep(tiny, vary={"local.batch_size": [20, 30]}, store=store, progress=events.append, rounds=4)
    changes = [event for event in events if isinstance(event, CellChanged)]
    assert {event.state.status for event in changes} == {"running", "done"}
    for cell in (0, 1):
        shares = [event.share for event in changes if event.cell == cell]
        assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert changes[-1].over == changes[-1].total == 2


def test_failed_cells_are_told(tiny, store):
    sweep = dpflsim.sweep(tiny, vary={"local.batch_size": [20, -1]}, store=store, progress=False, rounds=2)
    assert sweep.failed == 1 and len(sweep.run_ids) == 1
    (failed,) = [cell for cell in sweep.cells if cell.status == "failed"]
    assert "local.batch_size" in failed.error and failed.run_id is None
    with pytest.raises(dpflsim.InvalidInput, match="no cell of the sweep has a result"):
        dpflsim.sweep(tiny, vary={"local.batch_size": [-2, -1]}, store=store, progress=False)


def test_comparison_is_the_program_s(swept):
    comparison = swept.compare()
    command = [os.environ["DPFLSIM_PROGRAM"], "compare", "--store", swept.store, "--format", "csv"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [row for row in csv.DictReader(io.StringIO(text)) if not row["cluster"]]
    frame = comparison.frame()
    for row in rows:
        mask = (frame["method"] == row["method"]) & (frame["epsilon"] == row["epsilon"]) & (frame["metric"] == row["metric"])
        if mask.any() and row["mean"]:
            assert frame.loc[mask, "mean"].item() == pytest.approx(float(row["mean"]), abs=1e-9)
    assert (frame["n"] <= 2).all() and len(comparison.cells) == 4


def test_views_of_a_comparison(swept):
    comparison = dpflsim.compare(store=swept.store)
    cell = next(cell for cell in comparison.cells if (cell.method, cell.epsilon) == ("global", "2"))
    pivot = comparison.pivot("client_mean_accuracy")
    assert pivot.shape == (2, 2) and list(pivot.columns) == ["2", "none"]
    assert pivot.loc["global", "2"] == cell.metrics["client_mean_accuracy"].mean
    clusters = comparison.frame("clusters")
    assert len(clusters) == 12 and set(clusters["name"]) == {"offset-0", "offset-1", "offset-2"}
    assert set(comparison.frame("contrasts")["other"]) == {"global"}
    assert comparison.frame("frontier")["method"].eq("r-dpcfl").all()
    assert cell.price_of_privacy["client_mean"].n == 2
    assert cell.metrics["client_mean_accuracy"].standard_deviation >= 0 and cell.allowed == []
    one = dpflsim.compare(swept.run_ids[0], store=swept.store)
    assert [cell.runs for cell in one.cells] == [[swept.run_ids[0]]]
    with pytest.raises(dpflsim.InvalidInput, match="is no metric of the comparison"):
        comparison.pivot("beauty")


def test_report(swept, tmp_path):
    page = dpflsim.report(*swept.run_ids, output=tmp_path / "report.html", store=swept.store)
    assert "worst" in page.read_text(encoding="utf-8")
