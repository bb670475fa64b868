"""Adapters and models as arrays, against the safetensors package."""

import json

import pytest

import dpflsim
from dpflsim import tensors

numpy = pytest.importorskip("numpy")


def test_models_are_what_safetensors_reads(adapted):
    reference = pytest.importorskip("safetensors.numpy")
    import pathlib

    models = adapted.models()
    assert {"base", "model-0"} <= set(models)
    for file in adapted.files:
        path = pathlib.Path(adapted.store).parent / file.path
        expected = reference.load_file(path)
        assert set(models[file.name]) == set(expected)
        for name, array in expected.items():
            assert models[file.name][name].dtype == array.dtype
            numpy.testing.assert_array_equal(models[file.name][name], array)
    assert models["model-0"].metadata["run_id"] == adapted.run_id


def test_adapters(adapted):
    adapters = adapted.adapters()
    used = {f"model-{client.model}" for client in adapted.clients}
    assert set(adapters) == used
    adapter = adapters[sorted(used)[0]]
    a, b = adapter.factors("fc1")
    assert a.shape == (2, 12) and b.shape == (6, 2)
    numpy.testing.assert_allclose(adapter.change("fc1"), 2 * b @ a, rtol=1e-6)
    assert adapter.change("fc2").shape == (4, 6) and numpy.any(adapter.change("fc2"))
    assert float(adapter.metadata["epsilon"]) == pytest.approx(adapted.privacy.epsilon_max)
    with pytest.raises(KeyError):
        adapter.factors("fc9")


def test_a_run_without_adapters(swept):
    run = dpflsim.load(swept.run_ids[0], store=swept.store)
    with pytest.raises(dpflsim.InvalidInput, match="PEFT folders are of adapters"):
        run.adapters()
    assert run.models()["model-0"]["fc.weight"].shape[0] == 4


def test_every_type_that_numpy_has(tmp_path):
    reference = pytest.importorskip("safetensors.numpy")
    types = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
    expected = {f"x-{name}": numpy.arange(6).reshape(2, 3).astype(name) for name in types}
    expected["scalar"], expected["empty"] = numpy.array(3, "f4"), numpy.zeros((0, 4), "f4")
    reference.save_file(expected, tmp_path / "all.safetensors", metadata={"epsilon": "3"})
    found = tensors.load(tmp_path / "all.safetensors")
    assert found.metadata == {"epsilon": "3"} and set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        numpy.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 80]}},
        {"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"x": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}},
        {"x": 3},
        [],
    ],
)
def test_damaged_files(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "bad").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(dpflsim.CannotRead, match="is no safetensors file"):
        tensors.load(tmp_path / "bad")


def test_missing_file(tmp_path):
    with pytest.raises(dpflsim.CannotRead, match="cannot be read"):
        tensors.load(tmp_path / "none")
