"""Failures as exceptions: place, what, fix, exit code."""

import pytest

import dpflsim
from dpflsim._program import _check_processor
from dpflsim.errors import failure


def test_problems_of_a_scenario_come_together(tiny, store):
    with pytest.raises(dpflsim.InvalidInput) as caught:
        dpflsim.run(tiny, store=store, progress=False, rounds=0, privcy={"x": 1})
    places = {problem.place: problem for problem in caught.value.problems}
    assert places["rounds"].what == "must be at least 1, got 0"
    assert places["privcy"].fix == 'did you mean "privacy"?' == caught.value.fix
    assert caught.value.exit_code == 65 and isinstance(caught.value, ValueError)


def test_the_file_of_a_dictionary_is_not_named():
    with pytest.raises(dpflsim.InvalidInput) as caught:
        dpflsim.check({"name": "x", "rounds": 1})
    assert "scenario.json" not in str(caught.value)
    assert "population" in {problem.place.rpartition(".")[2] for problem in caught.value.problems}


def test_missing_file_run_and_store(tiny, store):
    with pytest.raises(dpflsim.MissingInput, match="nowhere.json: there is no such file") as caught:
        dpflsim.run("nowhere.json", store=store)
    assert caught.value.exit_code == 66 and isinstance(caught.value, LookupError)
    with pytest.raises(dpflsim.MissingInput, match="there is no store of runs yet"):
        dpflsim.load(store=store)
    dpflsim.run(tiny, store=store, rounds=2, progress=False)
    with pytest.raises(dpflsim.MissingInput) as caught:
        dpflsim.load("nobody", store=store)
    assert (caught.value.place, caught.value.exit_code) == ("nobody", 66)


def test_wrong_usage(tiny, store):
    done = dpflsim.run(tiny, store=store, rounds=2, progress=False)
    with pytest.raises(dpflsim.WrongUsage) as caught:
        dpflsim.resume(done.run_id, store=store, progress=False)
    assert caught.value.exit_code == 64 and caught.value.run_id is None
    with pytest.raises(dpflsim.WrongUsage, match="workers must be from 1 to 1024"):
        dpflsim.run(tiny, store=store, workers=0)
    with pytest.raises(dpflsim.WrongUsage, match="give a path, a Scenario or a dictionary"):
        dpflsim.run(3, store=store)
    with pytest.raises(dpflsim.WrongUsage, match="cannot be written as JSON"):
        dpflsim.run(tiny, store=store, local__learning_rate=float("nan"))


def test_a_budget_that_ends_keeps_its_run(tiny, store):
    with pytest.raises(dpflsim.Stopped) as caught:
        dpflsim.run(tiny, store=store, progress=False, privacy__noise_multiplier=0.9, method__name="global")
    assert caught.value.exit_code == 75
    assert dpflsim.load(caught.value.run_id, store=store).status == "stopped"


def test_what_the_check_refuses_can_be_allowed(tiny, store):
    with pytest.raises(dpflsim.InvalidInput) as caught:
        dpflsim.run(tiny, store=store, progress=False, privacy__target_delta=0.5)
    assert caught.value.place == "privacy.target_delta" and 'allow=["DP102"]' in caught.value.problems[-1].fix
    allowed = dpflsim.run(tiny, store=store, progress=False, privacy__target_delta=0.5, allow=["DP102"])
    assert allowed.privacy.allowed[0].rule == "DP102"


def test_a_store_that_cannot_be_written(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(dpflsim.CannotWrite) as caught:
        dpflsim.run(tiny, store=tmp_path / "file" / "runs.sqlite", progress=False)
    assert caught.value.exit_code == 73 and isinstance(caught.value, OSError)


def test_no_program(monkeypatch, tiny):
    monkeypatch.setenv("DPFLSIM_PROGRAM", "/nowhere/dpflsim")
    with pytest.raises(dpflsim.NotInstalled, match="DPFLSIM_PROGRAM: /nowhere/dpflsim is no program") as caught:
        dpflsim.check(tiny)
    assert caught.value.exit_code == 69


def test_a_processor_that_the_program_inside_does_not_fit(tmp_path):
    (tmp_path / "needs").write_text("avx2\nfma\n")
    for flags, is_refused in (("sse2 avx2 fma", False), ("sse2 fma", True)):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
        if is_refused:
            with pytest.raises(dpflsim.NotInstalled, match="this processor has no avx2"):
                _check_processor(tmp_path / "needs", tmp_path / "cpuinfo")
        else:
            _check_processor(tmp_path / "needs", tmp_path / "cpuinfo")


@pytest.mark.parametrize(
    ("line", "place", "what", "fix"),
    [
        ("a.b[2].c: must be at least 1, got 0; give more", "a.b[2].c", "must be at least 1, got 0", "give more"),
        ("/x y/s.json: data.path: is a; b; use c", "data.path", "is a; b", "use c"),
        ("run: Unknown option '--x'; `dpflsim run --help` says", "run", "Unknown option '--x'", "`dpflsim run --help` says"),
        ("just words: and more", "", "just words: and more", ""),
        ("t.csv: line 3: no number", "t.csv", "line 3: no number", ""),
    ],
)
def test_reading_of_sentences(line, place, what, fix):
    assert dpflsim.Problem.parse(line, "/x y/s.json") == dpflsim.Problem(place, what, fix)


def test_every_status_has_its_exception():
    for status in (64, 65, 66, 69, 70, 73, 74, 75):
        error = failure(status, [dpflsim.Problem("a", "b", "c")], "run")
        assert type(error).exit_code == error.exit_code == status and str(error) == "a: b; c" and error.run_id == "run"
    assert isinstance(failure(-11, [], None), dpflsim.ProgramFault)
    assert isinstance(failure(3, [], None), dpflsim.ProgramFault)
