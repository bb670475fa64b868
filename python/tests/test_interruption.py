"""Ctrl-C: the program ends after its round, KeyboardInterrupt is raised, and the run goes on to the same result."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest

import dpflsim
from dpflsim.progress import Round

from .conftest import wait_for

ROUNDS = 40


def test_ctrl_c_in_this_process(tiny, store):
    def interrupt(event):
        if isinstance(event, Round) and event.round == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        dpflsim.run(tiny, store=store, progress=interrupt, rounds=ROUNDS)
    assert isinstance(caught.value, dpflsim.Interrupted) and caught.value.exit_code == 130
    assert f'go on with dpflsim.resume("{caught.value.run_id}")' in str(caught.value)
    stored = dpflsim.load(caught.value.run_id, store=store)
    assert stored.status == "interrupted" and 3 <= stored.finished_rounds < ROUNDS
    assert stored.accuracy is None and stored.clients is None

    events = []
    resumed = dpflsim.resume(caught.value.run_id, store=store, progress=events.append)
    whole = dpflsim.run(tiny, store=store, progress=False, rounds=ROUNDS)
    assert resumed.run_id == stored.run_id and resumed.result_digest == whole.result_digest
    first = next(event for event in events if isinstance(event, Round))
    assert first.round == stored.finished_rounds + 1


def test_a_follower_that_fails_stops_the_run(tiny, store):
    def fail(event):
        if isinstance(event, Round):
            raise ArithmeticError("of the user")

    with pytest.raises(ArithmeticError, match="of the user"):
        dpflsim.run(tiny, store=store, progress=fail, rounds=ROUNDS)
    (run,) = dpflsim.runs(store)
    assert run.status == "interrupted"
    assert dpflsim.resume(store=store, progress=False).finished_rounds == ROUNDS


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_program_alone(tiny, store, number, status):
    def children():
        return pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()

    def interrupt(event):
        if isinstance(event, Round) and event.round == 2:
            (child,) = children()
            os.kill(int(child), number)

    with pytest.raises(dpflsim.Interrupted) as caught:
        dpflsim.run(tiny, store=store, progress=interrupt, rounds=ROUNDS)
    assert caught.value.exit_code == status and caught.value.run_id


def test_killed_program(tiny, store):
    def kill(event):
        if isinstance(event, Round) and event.round == 2:
            (child,) = pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)

    with pytest.raises(dpflsim.ProgramFault, match="was ended by signal 9") as caught:
        dpflsim.run(tiny, store=store, progress=kill, rounds=ROUNDS)
    assert caught.value.exit_code == -signal.SIGKILL
    assert dpflsim.resume(caught.value.run_id, store=store, progress=False).status == "done"


def test_ctrl_c_in_a_terminal_reaches_both(tiny, store, tmp_path):
    """The terminal sends SIGINT to the whole process group: that is one request, not two."""
    code = textwrap.dedent(f"""
        import dpflsim
        settings = {{"rounds": 20000, "method": {{"name": "local"}}, "privacy__target_epsilon": None}}
        try:
            dpflsim.run({str(tiny)!r}, store={str(store)!r}, progress=lambda event: print(event, flush=True), **settings)
        except KeyboardInterrupt as error:
            print("interrupted", error.run_id)
    """)
    log = tmp_path / "log"
    with open(log, "w") as output:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=output, start_new_session=True)
        wait_for(lambda: "Round(" in log.read_text() or process.poll() is not None)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
    run_id = log.read_text().split()[-1]
    assert dpflsim.load(run_id, store=store).status == "interrupted"
    assert dpflsim.load(run_id, store=store).finished_rounds >= 1


def test_an_interrupted_sweep_goes_on(tiny, store):
    count = 0

    def interrupt(event):
        nonlocal count
        count += 1
        if count == 30:
            os.kill(os.getpid(), signal.SIGINT)

    grid = {"epsilon": [4, None], "seeds": range(2), "store": store, "rounds": 30}
    with pytest.raises(dpflsim.Interrupted, match="go on with the same call") as caught:
        dpflsim.sweep(tiny, **grid, progress=interrupt)
    assert caught.value.run_id is None
    sweep = dpflsim.sweep(tiny, **grid, progress=False)
    assert sweep.failed == 0 and len(sweep.run_ids) == 4
    assert len(dpflsim.runs(store)) == 4
