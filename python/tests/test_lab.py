"""Experiments of the laboratory and data sets, against the program's own documents."""

import json

import pytest

import dpflsim

from .test_run import program


def test_an_experiment_is_the_program_s(tiny, tmp_path):
    options = {"ranks": [1], "models": 8, "pool": 20, "steps": 2, "seed": 3}
    report = dpflsim.lab.membership(tiny, **options, into=tmp_path / "one")
    document = json.loads(
        program(
            "lab", "membership", tiny, "--ranks", "1", "--models", 8, "--pool", 20, "--steps", 2, "--seed", 3,
            "--quiet", "--into", tmp_path / "two", "--format", "json",
        )  # fmt: skip
    )
    assert set(document) | {"folder"} == set(dpflsim.lab.LabReport.__dataclass_fields__)
    assert set(document["tables"][0]) == set(dpflsim.lab.LabTable.__dataclass_fields__)
    assert set(document["findings"][0]) == set(dpflsim.lab.LabFinding.__dataclass_fields__)
    table = report.table("e7-membership")
    assert table.rows == document["tables"][0]["rows"]
    assert [finding.holds for finding in report.findings] == [one["holds"] for one in document["findings"]]
    assert (report.folder / "e7-membership.csv").exists()
    with pytest.raises(KeyError, match="e7-membership"):
        report.table("none")
    with pytest.raises(dpflsim.WrongUsage):
        dpflsim.lab.membership(tiny, models=1)
    pytest.importorskip("pandas")
    assert list(table.frame().columns) == table.columns and len(table.frame()) == len(table.rows)


def test_nothing_is_kept_where_no_folder_is_named(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = dpflsim.lab.membership(dpflsim.Scenario.load(tiny), ranks=[1], models=8, pool=20, steps=1)
    assert report.folder is None and report.tables and list(tmp_path.iterdir()) == []


def test_data_sets_are_the_program_s():
    adult = dpflsim.datasets("adult")
    assert len(adult) == 1 and adult[0].licence == "CC BY 4.0"
    document = json.loads(program("data", "list", "idx", "--format", "json") or "[]")
    assert all(set(one) == set(dpflsim.Dataset.__dataclass_fields__) for one in document)
    with pytest.raises(dpflsim.DpflsimError, match="use one of"):
        dpflsim.datasets("none")


def test_projection():
    report = dpflsim.lab.projection(ranks=[4], epsilon=[1, 2], seeds=1, examples=200, steps=3)
    rows = report.tables[0].rows
    assert [(row[0], row[1], row[2]) for row in rows[:3]] == [(1, "DP-SGD", None), (1, "DP-LoRA-FA", 4), (1, "M2", 4)]
    plain, _, projected = (row[3] for row in rows[:3])
    assert projected < plain
    assert len(rows) == 6


def test_detection(tiny):
    report = dpflsim.lab.detection(
        tiny, epsilon=[0.02, 20], seeds=range(2), until_round=1, set={"local.learning_rate": 0.25}
    )
    table = report.table("detection")
    alone = table.columns.index("minority alone")
    assert [(row[0], row[alone]) for row in table.rows] == [("0.02", 0), ("20", 2)]
    assert len(report.table("seeds").rows) == 4
    with pytest.raises(dpflsim.WrongUsage, match="until-round"):
        dpflsim.lab.detection(tiny, method="ifca")
