"""What can go wrong, as exceptions with the place, how to fix it, and dpflsim's exit status."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable

# Which option changed the setting: the place says it already.
_OPTION = re.compile(r' \(set by --set ".*"\)$')
# What a function is given as `allow`.
_ALLOW = re.compile(r"--allow [A-Z0-9]+(?: --allow [A-Z0-9]+)*")


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One sentence of dpflsim: where, what, how to fix it."""

    place: str
    """A key of the scenario such as `population.clusters[2].clients`, an option, a file, a run; empty if none."""
    what: str
    fix: str = ""

    @classmethod
    def parse(cls, line: str, file: str | None = None) -> Problem:
        """Reads `PLACE: WHAT; HOW TO FIX IT`. A file in front, the scenario's own, is left out of the place."""
        line = _OPTION.sub("", line)
        line = _ALLOW.sub(lambda found: f"allow={json.dumps(found[0].split()[1::2])}", line)
        if file and line.startswith(file + ": "):
            line = line[len(file) + 2 :]
        places = []
        while ": " in line:
            head, rest = line.split(": ", 1)
            if " " in head:
                break
            places.append(head)
            line = rest
        what, _, fix = line.rpartition("; ")
        return cls(": ".join(places), what or fix, fix if what else "")

    def __str__(self) -> str:
        return (f"{self.place}: " if self.place else "") + self.what + (f"; {self.fix}" if self.fix else "")


class DpflsimError(Exception):
    """A command of dpflsim failed.

    Attributes:
        problems: one for each sentence.
        exit_code: dpflsim's exit status (docs/command-line.md); negative where a signal ended it.
        run_id: the run that was stored, where one had begun.
    """

    exit_code = 70

    def __init__(self, problems: Iterable[Problem], exit_code: int | None = None, run_id: str | None = None):
        self.problems = list(problems)
        if exit_code is not None:
            self.exit_code = exit_code
        self.run_id = run_id
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def place(self) -> str:
        """Where the first problem is."""
        return self.problems[0].place if self.problems else ""

    @property
    def fix(self) -> str:
        """How to fix the first problem that says how."""
        return next((problem.fix for problem in self.problems if problem.fix), "")


class WrongUsage(DpflsimError):
    """Arguments that do not exist or do not go together."""

    exit_code = 64


class InvalidInput(DpflsimError, ValueError):
    """The scenario or the data are invalid, or a budget cannot be kept."""

    exit_code = 65


class MissingInput(DpflsimError, LookupError):
    """A file, a data set, a store or a run is not there."""

    exit_code = 66


class NotInstalled(DpflsimError):
    """Something that is needed is not installed, dpflsim itself included."""

    exit_code = 69


class ProgramFault(DpflsimError):
    """A fault of dpflsim, or its end by a signal."""

    exit_code = 70


class CannotWrite(DpflsimError, OSError):
    """The store or a folder cannot be written."""

    exit_code = 73


class CannotRead(DpflsimError, OSError):
    """A file or a store cannot be read."""

    exit_code = 74


class Stopped(DpflsimError):
    """Stopped at a budget or a limit; what was finished is stored."""

    exit_code = 75


class Interrupted(KeyboardInterrupt):
    """Interrupted by Ctrl-C or a signal, after the last finished round was stored.

    Attributes:
        run_id: what `dpflsim.resume` goes on with; None for a sweep, which goes on when it is called again.
        exit_code: 130 or 143.
    """

    def __init__(self, message: str, run_id: str | None = None, exit_code: int = 130):
        self.run_id = run_id
        self.exit_code = exit_code
        super().__init__(message)


_BY_STATUS = {
    kind.exit_code: kind
    for kind in (WrongUsage, InvalidInput, MissingInput, NotInstalled, ProgramFault, CannotWrite, CannotRead, Stopped)
}


def failure(exit_code: int, problems: list[Problem], run_id: str | None) -> DpflsimError:
    """The exception for an exit status."""
    if exit_code < 0:
        problems = problems or [Problem("dpflsim", f"was ended by signal {-exit_code}", "start it again")]
    problems = problems or [Problem("dpflsim", f"ended with status {exit_code} and no word", "report it")]
    return _BY_STATUS.get(exit_code, ProgramFault)(problems, exit_code, run_id)
