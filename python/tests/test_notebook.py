"""docs/notebook.ipynb runs through. With DPFLSIM_UPDATE=1 its outputs are written anew."""

import os

import pytest

from .conftest import CLONE

NOTEBOOK = CLONE / "docs" / "notebook.ipynb"


def test_notebook():
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("matplotlib")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(CLONE / "docs")}}
    )
    client.execute()  # raises where a cell does

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    tables = [output for output in outputs if "text/html" in output.get("data", {})]
    assert any("<progress" in output["data"]["text/html"] for output in tables)
    assert any("worst cluster" in output["data"]["text/html"] for output in tables)
    assert any('did you mean "batch_size"?' in output.get("text", "") for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs), outputs
    text = nbformat.writes(notebook)
    assert str(CLONE) not in text and "/tmp/" not in text
    if os.environ.get("DPFLSIM_UPDATE") == "1":
        NOTEBOOK.write_text(text + "\n", encoding="utf-8")


def test_the_interrupt_button(tiny, store):
    """The kernel's whole process group gets SIGINT; the run is stored as interrupted and the kernel lives on."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel()
    settings = {"rounds": 20000, "method": {"name": "local"}, "privacy__target_epsilon": None}
    code = f"""
import dpflsim
try:
    dpflsim.run({str(tiny)!r}, store={str(store)!r}, **{settings!r})
except KeyboardInterrupt as error:
    print(dpflsim.load(error.run_id, store={str(store)!r}).status)
"""
    updates, said = 0, ""

    def follow(message):
        nonlocal updates, said
        if message["msg_type"] == "update_display_data":
            updates += 1
            if updates == 5:
                kernel.interrupt_kernel()
        elif message["msg_type"] == "stream":
            said += message["content"]["text"]

    try:
        reply = client.execute_interactive(code, timeout=60, output_hook=follow)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok" and said == "interrupted\n"
