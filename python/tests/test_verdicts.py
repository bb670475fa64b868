"""Advice, audits, exported folders and merged adapters."""

import json

import pytest

import dpflsim


def test_advice_names_what_was_run(swept):
    (advice,) = dpflsim.advise(store=swept.store)
    assert advice.scenario == "tiny" and len(advice.sentences) == 4 and advice.surer
    assert advice.chosen["method"] in ("r-dpcfl", "global") and float(advice.chosen["epsilon"]) == 2
    assert advice.sentences[3].startswith("Choosing by results is a release of its own")
    assert dpflsim.advise("tiny", store=swept.store) == [advice]
    with pytest.raises(dpflsim.MissingInput):
        dpflsim.advise("another", store=swept.store)


def test_audit_of_a_sound_run_and_of_what_cannot_be_audited(tiny, store):
    report = dpflsim.audit(tiny, canaries=40, store=store, rounds=3)
    assert report.kind == "gradient" and report.confidence == 0.95 and not report.refuted
    assert {row.surface for row in report.rows} >= {"steps", "updates", "models"}
    # No valid bound lies above what is claimed, and none above what so many canaries can show.
    assert all(0 <= row.lower_bound <= row.claimed_epsilon for row in report.rows)
    assert len(report.frame()) == len(report.rows)
    assert report.allowed == [] and report.rows[0].proven_epsilon <= report.rows[0].claimed_epsilon
    # At this δ no number of canaries shows anything by the bound for every mechanism.
    assert report.rows[0].best_possible == 0 and "Set a smaller privacy.target_delta" in report.notes[0]
    with pytest.raises(dpflsim.InvalidInput, match="canary has no place"):
        dpflsim.audit(tiny, store=store, adapter={"type": "rgp", "r": 1, "target_modules": ["fc"]})


def test_what_the_check_refuses_is_audited_only_where_it_is_allowed(tiny, store):
    with pytest.raises(dpflsim.InvalidInput, match="DP102"):
        dpflsim.audit(tiny, canaries=40, store=store, rounds=2, privacy__target_delta=0.5)
    report = dpflsim.audit(tiny, canaries=40, store=store, allow=["DP102"], rounds=2, privacy__target_delta=0.5)
    assert [one.rule for one in report.allowed] == ["DP102"]


def test_export_writes_tables_and_adapters(adapted, tmp_path):
    files = dpflsim.export(adapted, csv=tmp_path / "tables", peft=tmp_path / "adapters")
    assert all(file.exists() for file in files)
    assert {"clients.csv", "rounds.csv"} <= {file.name for file in files}
    (config, *_) = [file for file in files if file.name == "adapter_config.json"]
    assert json.loads(config.read_text())["peft_type"] == "LORA"
    with pytest.raises(dpflsim.WrongUsage):
        dpflsim.export(adapted)


def test_merged_models_of_a_run(adapted, tmp_path):
    merged = dpflsim.merge(adapted, into=tmp_path / "merged", rule="task-arithmetic", scale=0.5)
    assert merged.rule == "task-arithmetic" and merged.parts >= 2 and merged.layers == 2
    assert merged.epsilon == pytest.approx(adapted.privacy.epsilon_max) and "one run" in merged.privacy
    assert (tmp_path / "merged" / "adapter_model.safetensors").exists()
    assert merged.document["accuracies"]
    again = dpflsim.merge(tmp_path / "merged", tmp_path / "merged", into=tmp_path / "twice", store=adapted.store)
    assert again.parts == 2
