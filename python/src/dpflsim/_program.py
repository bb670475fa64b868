"""Finds dpflsim, starts it, follows its progress, and turns its end into a value or an exception."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from .errors import Interrupted, NotInstalled, Problem, failure
from .progress import Event, Started, read_event

_PACKAGE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What is started, and the project folder that it works in."""

    path: str
    home: str

    @property
    def default_store(self) -> str:
        return os.path.join(self.home, "results", "dpflsim.sqlite")


def program() -> Program:
    """The program that this package starts.

    In this order: `DPFLSIM_PROGRAM`; the program inside the package; `tools/dpflsim` of the clone that the package
    is installed from (`pip install -e`) or that `DPFLSIM_HOME` names; `dpflsim` on the PATH.

    Raises:
        NotInstalled: there is none, or it does not fit this processor.
    """
    environment = os.environ.get("DPFLSIM_HOME")
    clone = _PACKAGE.parents[2]
    home = environment or (str(clone) if _is_clone(clone) else os.getcwd())
    named = os.environ.get("DPFLSIM_PROGRAM")
    if named:
        path = shutil.which(named)
        if path is None:
            raise NotInstalled([Problem("DPFLSIM_PROGRAM", f"{named} is no program", "name the built dpflsim")])
        return Program(os.path.abspath(path), home)
    inside = _PACKAGE / "bin" / "dpflsim"
    if inside.exists():
        _check_processor(_PACKAGE / "bin" / "needs")
        return Program(str(inside), home)
    if _is_clone(pathlib.Path(home)):
        return Program(os.path.join(home, "tools", "dpflsim"), home)
    found = shutil.which("dpflsim")
    if found:
        return Program(found, home)
    raise NotInstalled(
        [Problem("dpflsim", "the program is not found", "set DPFLSIM_HOME to the clone, or DPFLSIM_PROGRAM to the program")]
    )


def _check_processor(needs: pathlib.Path, facts: str = "/proc/cpuinfo") -> None:
    """Refuses a processor that lacks an instruction set of the program inside the package.

    Raises:
        NotInstalled: it would end in the midst of a run.
    """
    with open(facts, encoding="utf-8") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    missing = [name for name in needs.read_text(encoding="utf-8").split() if name not in flags]
    if missing:
        raise NotInstalled(
            [Problem("dpflsim", f"this processor has no {', '.join(missing)}", "build in the clone, and set DPFLSIM_HOME to it")]
        )


def _is_clone(folder: pathlib.Path) -> bool:
    return (folder / "tools" / "dpflsim").exists() and (folder / "scenarios" / "scenario.schema.json").exists()


def call(
    arguments: Sequence[str],
    *,
    follow: Callable[[Event], None] | None = None,
    file: str | None = None,
    answers_on: Sequence[int] = (0,),
) -> str:
    """Runs a command to its end and gives back what it answered on standard output.

    Args:
        arguments: of dpflsim.
        follow: told of everything that happens; if it raises, the run is stopped as by Ctrl-C.
        file: a file that stands for something else, to be left out of messages.
        answers_on: exit statuses that may come with an answer.

    Raises:
        Interrupted: by Ctrl-C here, or by a signal to the program. It has stored the last finished round.
        DpflsimError: any other exit status.
    """
    found = program()
    environment = dict(os.environ, DPFLSIM_HOME=found.home)
    complaints: list[str] = []
    run_id: str | None = None

    def read(lines: Any) -> None:
        nonlocal run_id
        for raw in lines:
            line = raw.rstrip("\n")
            if line.startswith("dpflsim: "):
                complaints.append(line.removeprefix("dpflsim: "))
                continue
            event = read_event(line)
            if isinstance(event, Started):
                run_id = event.run_id
            if follow is not None:
                follow(event)

    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        # The program stays in this process group: it then ends with the terminal or the notebook's kernel. That it
        # gets Ctrl-C twice, from there and from here, is one request to it.
        process = subprocess.Popen(
            [found.path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env=environment,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stderr is not None
        with process.stderr:
            try:
                read(process.stderr)
                status = process.wait()
            except BaseException as error:
                follow = None
                _stop(process, signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM, read)
                if not isinstance(error, KeyboardInterrupt):
                    raise
                raise _interruption(complaints, run_id, 130) from None
        if status in (130, 143):
            raise _interruption(complaints, run_id, status)
        if status not in answers_on:
            raise failure(status, [Problem.parse(line, file) for line in complaints], run_id)
        output.seek(0)
        text = output.read()
    if not text and status != 0:
        raise failure(status, [Problem.parse(line, file) for line in complaints], run_id)
    return text


def document(arguments: Sequence[str], **more: Any) -> Any:
    """The JSON document that a command answers with; `more` as for `call`."""
    return json.loads(call([*arguments, "--format", "json"], **more))


def _stop(process: subprocess.Popen[str], number: int, read: Callable[[Any], None]) -> None:
    """Asks the program to end after the round that it is in, and waits; Ctrl-C meanwhile ends it at once."""
    try:
        process.send_signal(number)
        read(process.stderr)
        process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()


def _interruption(complaints: list[str], run_id: str | None, status: int) -> Interrupted:
    said = next((line for line in complaints if line.startswith("stopped after")), "interrupted")
    said = said.split("; ", 1)[0]
    named = re.search(r"--resume (\S+)", "\n".join(complaints))
    run_id = named.group(1) if named else run_id
    go_on = f'dpflsim.resume("{run_id}")' if run_id else "the same call"
    return Interrupted(f"{said}; go on with {go_on}", run_id, status)

