"""What is written to a terminal has lines that it has room for; elsewhere a sentence is one line."""

import fcntl
import os
import pty
import struct
import subprocess
import termios


def complaint(command, columns):
    """Standard error of a command, with a terminal of so many columns there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            text += piece
    os.close(ours)
    assert process.returncode == 65
    return text.decode().replace("\r\n", "\n")


def test_sentences_are_wrapped_on_a_terminal(tiny):
    command = [os.environ["DPFLSIM_PROGRAM"], "run", str(tiny), "--set", "foo.bar=3"]
    plain = subprocess.run(command, capture_output=True, text=True).stderr
    assert plain.count("\n") == 1 and len(plain) > 200
    words = max(len(word) for word in plain.split())
    for columns in (60, 100):
        lines = complaint(command, columns).splitlines()
        assert all(len(line) <= max(columns, words + 2) for line in lines)
        assert " ".join(line.strip() for line in lines) == plain.strip()
