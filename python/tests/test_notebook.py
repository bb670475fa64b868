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
