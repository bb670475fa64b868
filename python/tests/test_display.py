"""What people see: a bar in terminals and notebooks, nothing elsewhere."""

import io
import sys
import types

import pytest

from dpflsim import progress
from dpflsim.progress import ClusterAccuracy, Message, Picture, Preparing, Round, Started, read_event

STARTED = Started("run", 4, 1, 8, 0.1, 42, [])
ROUND = Round("run", 2, 4, "training", 0.5, [ClusterAccuracy("a", 0.25), ClusterAccuracy("b", 0.75)], 0.1, 125.0)


def test_lines_become_events():
    line = '{"event": "preparing", "run_id": "r", "step": "loading", "later": 1}'
    assert read_event(line) == Preparing("r", "loading")
    for other in ("tools/dpflsim: building", "{", '{"event": "of a later version"}', "{}"):
        assert read_event(other) == Message(other)


def test_the_picture_follows():
    picture = Picture()
    picture.receive(STARTED)
    assert (picture.share, picture.text) == (0.25, "round 1/4")
    picture.receive(ROUND)
    assert picture.share == 0.5
    assert picture.text == "round 2/4, training, mean 50.0%, worst cluster 25.0% (a), 2 min 5 s left"


def test_a_terminal_gets_a_bar(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(progress._Pace, "seconds", 0)
    display = progress.display_for(True)
    for event in (STARTED, Message("warning: read this"), ROUND):
        display(event)
    display.close()
    lines = stream.getvalue().split("\r")
    assert "██████████░░░░░░░░░░ round 2/4" in stream.getvalue() and "warning: read this\n" in stream.getvalue()
    assert all(len(line.removesuffix("\x1b[K")) <= 59 for line in lines) and lines[-1] == "\x1b[K"


def test_nobody_gets_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress.display_for(None) is None and progress.display_for(False) is None


def test_a_notebook_gets_a_bar(monkeypatch):
    shown = []

    class Handle:
        def update(self, value):
            shown.append(value)

    class ZMQInteractiveShell:
        pass

    def display(value, display_id):
        assert display_id
        shown.append(value)
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=ZMQInteractiveShell))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(HTML=str, display=display))
    monkeypatch.setattr(progress._Pace, "seconds", 1000)
    bar = progress.display_for(None)
    bar(STARTED)
    bar(Message("warning: <read> this"))
    bar(ROUND)
    bar.close()
    assert len(shown) == 3 and 'value="0.2500"' in shown[1]
    assert "round 2/4" in shown[2] and "warning: &lt;read&gt; this" in shown[2]
    progress.display_for(None).close()
    assert shown[-1] == ""


@pytest.mark.parametrize("seconds", [None, 0.0])
def test_no_time_left_is_not_told(seconds):
    picture = Picture()
    picture.receive(Round("run", 4, 4, "training", None, [ClusterAccuracy("a", None)], 0.1, seconds))
    assert (picture.share, picture.text) == (1, "round 4/4, training")
