"""Python environments for single tools, made when they are first needed, with packages from pip."""

import os
import pathlib
import subprocess
import sys

HOME = pathlib.Path(__file__).resolve().parent.parent


def make(name, requirements, fail):
    """The interpreter of HOME/name, which is made where it is not there.

    fail(status, message) is called with 69 if the packages cannot be had; it must not return.
    """
    environment = HOME / name
    python = environment / "bin" / "python"
    if not (environment / ".ready").exists():
        print(f"{pathlib.Path(sys.argv[0]).name}: installing {' '.join(requirements)} into {name}", file=sys.stderr)
        steps = [
            [sys.executable, "-m", "venv", "--clear", str(environment)],
            [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", *requirements],
        ]
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode != 0:
                lines = (done.stderr or done.stdout).strip().splitlines()
                fail(69, f"{' '.join(requirements)} cannot be installed: " + (lines[-1] if lines else step[-1]))
        (environment / ".ready").touch()
    return python


def enter(name, requirements, fail):
    """Goes on inside HOME/name as `make` makes it, and returns once it runs inside of it."""
    if pathlib.Path(sys.prefix).resolve() != (HOME / name).resolve():
        python = make(name, requirements, fail)
        os.execv(python, [str(python), *sys.argv])
