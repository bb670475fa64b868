"""What happens while dpflsim runs, as objects, and how it is shown: a bar in a terminal or a notebook."""

from __future__ import annotations

import html
import json
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

from ._typed import build


@dataclass(frozen=True, slots=True)
class Preparing:
    """A step before training, in words."""

    run_id: str
    step: str


@dataclass(frozen=True, slots=True)
class Started:
    """Training starts; `finished_rounds` were done before, where a run is resumed."""

    run_id: str
    rounds: int
    finished_rounds: int
    clients: int
    expected_seconds_on_one_worker: float
    expected_peak_bytes: int
    notes: list[str]


@dataclass(frozen=True, slots=True)
class ClusterAccuracy:
    """Mean accuracy of a true cluster's clients, a share; None in rounds without evaluation."""

    name: str
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Round:
    """A round has been finished."""

    run_id: str
    round: int
    rounds: int
    stage: str
    client_mean_accuracy: float | None
    clusters: list[ClusterAccuracy]
    seconds: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class CellState:
    """A cell of a sweep: `status` is waiting, running, done, known (it was in the store) or failed."""

    status: str
    overrides: list[str]
    method: str | None = None
    epsilon: str | None = None
    seed: int | None = None
    scenario_hash: str | None = None
    run_id: str | None = None
    wall_seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SweepStarted:
    """A sweep knows its cells."""

    cells: list[CellState]
    over: int
    total: int


@dataclass(frozen=True, slots=True)
class CellChanged:
    """A cell has come further; `share` of it is done, and `over` of the `total` cells."""

    cell: int
    state: CellState
    share: float
    over: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Message:
    """A line for people: a warning, or that dpflsim is being built."""

    text: str


Event = Union[Preparing, Started, Round, SweepStarted, CellChanged, Message]

_KINDS: dict[str, Any] = {
    "preparing": Preparing,
    "started": Started,
    "round": Round,
    "sweep": SweepStarted,
    "cell": CellChanged,
}


def read_event(line: str) -> Event:
    """Reads a line of dpflsim's standard error."""
    if line.startswith("{"):
        try:
            document = json.loads(line)
        except ValueError:
            return Message(line)
        kind = _KINDS.get(document.get("event"))
        if kind is not None:
            event: Event = build(kind, document)
            return event
    return Message(line)


@dataclass(slots=True)
class Picture:
    """How far it is, in words and as a share; follows the events."""

    share: float = 0.0
    text: str = "starting"

    def receive(self, event: Event) -> None:
        match event:
            case Preparing():
                self.text = event.step
            case Started():
                self.share = event.finished_rounds / event.rounds
                self.text = f"round {event.finished_rounds}/{event.rounds}"
            case Round():
                self.share = event.round / event.rounds
                parts = [f"round {event.round}/{event.rounds}", event.stage]
                if event.client_mean_accuracy is not None:
                    parts.append(f"mean {event.client_mean_accuracy:.1%}")
                known = [cluster for cluster in event.clusters if cluster.accuracy is not None]
                # The mean of an only cluster is that of its clients once more.
                if len(event.clusters) > 1 and known:
                    worst = min(known, key=lambda cluster: cluster.accuracy or 0.0)
                    parts.append(f"worst cluster {worst.accuracy:.1%} ({worst.name})")
                self.text = ", ".join(parts + _left(event.seconds_left))
            case SweepStarted():
                self.share = event.over / event.total if event.total else 1.0
                self.text = f"{event.over} of {event.total} cells"
            case CellChanged():
                self.share = (event.over + (event.share if event.state.status == "running" else 0)) / event.total
                self.text = ", ".join([f"{event.over} of {event.total} cells"] + _left(event.seconds_left))
            case Message():
                self.text = event.text


def _left(seconds: float | None) -> list[str]:
    if not seconds:
        return []
    minutes, rest = divmod(round(seconds), 60)
    return [f"{minutes} min {rest} s left" if minutes else f"{seconds:.1f} s left"]


class _Pace:
    """Lets a drawing through ten times a second: rounds of small scenarios are faster than anybody looks."""

    seconds = 0.1

    def __init__(self) -> None:
        self._last = -math.inf

    def is_due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self.seconds:
            return False
        self._last = now
        return True


class TerminalBar:
    """A line on standard error that is drawn over."""

    def __init__(self) -> None:
        self._picture = Picture()
        self._pace = _Pace()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Message):
            sys.stderr.write(f"\r\x1b[K{event.text}\n")
        self._picture.receive(event)
        if not self._pace.is_due():
            return
        width = shutil.get_terminal_size().columns - 1
        filled = round(20 * self._picture.share)
        line = f"{'█' * filled}{'░' * (20 - filled)} {self._picture.text}"
        sys.stderr.write(f"\r{line[:width]}\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


class NotebookBar:
    """A bar in the output of a cell, which needs no widgets."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._picture = Picture()
        self._warnings: list[str] = []
        self._pace = _Pace()
        self._handle = display(HTML(self._text()), display_id=True)

    def _text(self) -> str:
        return (
            f'<progress value="{self._picture.share:.4f}" max="1" style="width:20em;vertical-align:middle"></progress> '
            f"<span>{html.escape(self._picture.text)}</span>"
            + "".join(f"<br><small>{html.escape(text)}</small>" for text in self._warnings)
        )

    def __call__(self, event: Event) -> None:
        if isinstance(event, Message) and event.text.startswith(("warning: ", "allowed: ")):
            self._warnings.append(event.text)
        else:
            self._picture.receive(event)
        if self._pace.is_due():
            self._handle.update(self._html(self._text()))

    def close(self) -> None:
        """The last state stays in the notebook, if anything happened."""
        happened = self._picture != Picture() or self._warnings
        self._handle.update(self._html(self._text() if happened else ""))


class _Follower:
    """A function of the user's in place of a bar."""

    def __init__(self, function: Callable[[Event], Any]) -> None:
        self._function = function

    def __call__(self, event: Event) -> None:
        self._function(event)

    def close(self) -> None:
        """Nothing to take away."""


def display_for(progress: bool | Callable[[Event], Any] | None) -> TerminalBar | NotebookBar | _Follower | None:
    """What shows progress: a function is called with every event; None shows a bar where there is somebody to see it."""
    if callable(progress):
        return _Follower(progress)
    if progress is False:
        return None
    if _in_notebook():
        return NotebookBar()
    if progress or sys.stderr.isatty():
        return TerminalBar()
    return None


def _in_notebook() -> bool:
    """Whether a Jupyter kernel shows what is displayed."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
