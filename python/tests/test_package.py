"""The package installs from the clone, without anything from the network."""

import subprocess
import sys
import zipfile

import pytest

from .conftest import CLONE


def test_wheel(tmp_path):
    pytest.importorskip("setuptools")
    # A copy: setuptools leaves a build folder behind.
    import shutil

    shutil.copytree(CLONE / "python", tmp_path / "python", ignore=shutil.ignore_patterns("*.egg-info", "build", "tests"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*command, "-w", tmp_path, tmp_path / "python"], check=True)
    (wheel,) = tmp_path.glob("dpflsim-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"dpflsim/__init__.py", "dpflsim/scenario.py", "dpflsim/py.typed"} <= set(names)
    assert not any(name.startswith(("tests/", "generate_scenario")) for name in names)
    code = "import dpflsim; print(dpflsim.__file__, dpflsim.Scenario.__name__)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(wheel)}, capture_output=True, text=True, check=True
    )
    assert wheel.name in answer.stdout
