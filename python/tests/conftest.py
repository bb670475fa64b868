"""Tests call the real program: DPFLSIM_PROGRAM, else the clone's .build/release/dpflsim, else tools/dpflsim."""

import os
import pathlib
import signal
import time

import pytest

CLONE = pathlib.Path(__file__).resolve().parents[2]
BUILT = CLONE / ".build" / "release" / "dpflsim"

if "DPFLSIM_PROGRAM" not in os.environ and BUILT.exists():
    os.environ["DPFLSIM_PROGRAM"] = str(BUILT)

# Whoever starts this in the background of a shell has it ignore Ctrl-C, which tests send to themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)
# For the processes that tests start.
os.environ["PYTHONPATH"] = os.pathsep.join([str(CLONE / "python" / "src"), os.environ.get("PYTHONPATH", "")])

import dpflsim  # noqa: E402


@pytest.fixture(scope="session")
def tiny() -> pathlib.Path:
    return CLONE / "scenarios" / "tiny.json"


@pytest.fixture
def store(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "store" / "runs.sqlite"


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory, tiny: pathlib.Path) -> dpflsim.SweepResult:
    """Two methods, two budgets, two seeds, in a store of their own."""
    place = tmp_path_factory.mktemp("sweep") / "runs.sqlite"
    return dpflsim.sweep(
        tiny, epsilon=[2, None], method=["r-dpcfl", "global"], seeds=range(2), store=place, progress=False
    )


@pytest.fixture(scope="session")
def adapted(tmp_path_factory: pytest.TempPathFactory, tiny: pathlib.Path) -> dpflsim.RunResult:
    """A run that trains LoRA adapters of rank 2 on a small network."""
    return dpflsim.run(
        tiny,
        store=tmp_path_factory.mktemp("lora") / "runs.sqlite",
        progress=False,
        rounds=2,
        model={"name": "mlp", "hidden": [6]},
        adapter={"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc1", "fc2"]},
    )


def wait_for(condition, seconds=20.0):
    """Waits until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
