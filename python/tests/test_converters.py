"""tools/convert-images and tools/convert-parquet, and runs on what they write."""

import pathlib
import subprocess

import pytest

import dpflsim

from .conftest import CLONE


def interpreter(environment: str, packages: str) -> str:
    if not (CLONE / environment / ".ready").exists():
        pytest.skip(f"tools/setup --tests could not install {packages}")
    return str(CLONE / environment / "bin" / "python")


def convert(tool: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run([CLONE / "tools" / tool, *map(str, arguments)], capture_output=True, text=True)


DRAW = """
import sys, pathlib
from PIL import Image
folder = pathlib.Path(sys.argv[1])
for number in range(48):
    shade = 20 + 5 * (number % 8)
    image = Image.new("L", (12, 12), shade)
    # Class 1 is bright on the left, class 0 on the right.
    image.paste(255 - shade, (0, 0, 6, 12) if number % 2 else (6, 0, 12, 12))
    image.save(folder / (f"{number}.jpg" if number % 3 == 0 else f"{number}.png"))
Image.new("RGBA", (4, 4), (255, 255, 255, 0)).save(folder / "clear.png")
Image.new("I;16", (4, 4), 0x8000).save(folder / "deep.png")
Image.new("RGB", (8, 4), (255, 0, 0)).save(folder / "red.png")
Image.new("L", (4, 4), 9).save(folder / "hidden.gif")
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([interpreter(".venv-images", "Pillow"), "-c", DRAW, folder], check=True)
    lines = ["path,label,ward,sex,person,part"]
    for number in range(48):
        file = f"{number}.jpg" if number % 3 == 0 else f"{number}.png"
        part = "test" if number % 8 in (6, 7) else "train"
        lines.append(f"{file},{'left' if number % 2 else 'right'},{'north' if number < 24 else 'south'},"
                     f"{'f' if number % 3 else 'm'},{f'p{number // 2}' if part == 'train' else f't{number}'},{part}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def packed(folder: pathlib.Path) -> bytes:
    return (folder / "images.idx").read_bytes()


def test_images_are_run(pictures: pathlib.Path, tmp_path: pathlib.Path, store: pathlib.Path):
    done = convert("convert-images", pictures / "manifest.csv", tmp_path / "set", "--size", 8)
    assert (done.returncode, done.stderr) == (0, "")
    assert packed(tmp_path / "set")[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 48, 0, 0, 0, 8, 0, 0, 0, 8])
    assert (tmp_path / "set" / "rows.csv").read_text().splitlines()[:2] == [
        "image,label,ward,sex,person,part",
        "0,right,north,m,p0,train",
    ]
    scenario = {
        "name": "pictures", "rounds": 12,
        "data": {
            "name": "images", "path": str(tmp_path / "set"), "label_column": "label", "client_column": "ward",
            "split_column": "part", "id_column": "person", "group_columns": ["sex"],
        },
        "population": {}, "model": {"name": "logistic"}, "method": {"name": "global"},
        "local": {"epochs": 2, "batch_size": 4, "learning_rate": 0.1},
        "privacy": {"target_epsilon": None},
    }
    result = dpflsim.run(scenario, store=store, progress=False)
    assert [cluster.clients for cluster in result.clusters] == [2]
    # The 18 training rows of a ward are of 9 persons, of whom each is one example.
    assert [client.train_examples for client in result.clients] == [9, 9]
    assert [client.test_examples for client in result.clients] == [6, 6]
    assert [(group.name, group.test_examples) for group in result.groups[0].groups] == [("f", 8), ("m", 4)]
    assert result.accuracy.client_mean == 1


def test_images_become_what_is_said(pictures: pathlib.Path, tmp_path: pathlib.Path):
    (pictures / "few.csv").write_text("label;file\n1;clear.png\n0;deep.png\n1;red.png\n")
    grey = tmp_path / "grey"
    assert convert("convert-images", pictures / "few.csv", grey, "--size", 2, "--path", "file").returncode == 0
    # Transparent becomes black, 0x8000 of 0xFFFF becomes 0x80, red has a luminance of 0.299 between two black rows.
    assert packed(grey)[16:24] == bytes(4) + bytes([128] * 4)
    color = tmp_path / "color"
    wide = convert("convert-images", pictures / "few.csv", color, "--size", 2, "--path", "file", "--color", "--fit", "crop")
    assert wide.returncode == 0 and packed(color)[3] == 4 and packed(color)[16:20] == bytes([0, 0, 0, 3])
    assert packed(color)[20 + 24:] == bytes([255, 0, 0] * 4)


@pytest.mark.parametrize(
    ("rows", "status", "sentence"),
    [
        ("path,label\nnone.png,1\n", 66, "line 2:"),
        ("path,label\n../../etc/passwd,1\n", 65, "lies outside of"),
        ("path,label\n" + "a" * 5000 + ".png,1\n", 65, "names no file"),
        ("path,label\na\0b.png,1\n", 65, "line 2"),
        ("path,label\nhidden.gif,1\n", 65, "no PNG or JPEG image"),
        ("path,label\nbroken.png,1\n", 65, "no PNG or JPEG image"),
        ("path,label\n0.jpg\n", 65, "line 2 has 1 fields"),
        ("file,label\n0.jpg,1\n", 65, "name that of the files with --path"),
        ("path,image\n0.jpg,1\n", 65, "has a column 'image'"),
        ("path,label\n", 65, "lists no image"),
        ("", 65, "is empty"),
    ],
)
def test_broken_manifests_and_images_end_in_a_sentence(pictures, tmp_path, rows, status, sentence):
    (pictures / "broken.png").write_bytes((pictures / "1.png").read_bytes()[:60])
    (pictures / "bad.csv").write_text(rows)
    done = convert("convert-images", pictures / "bad.csv", tmp_path / "set")
    assert done.returncode == status and sentence in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "set" / "rows.csv").exists()


WRITE = """
import sys, datetime, pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({
    "x": pa.array([0.1, None, 1e-300]), "n": pa.array([2**53 + 1, -1, None], pa.int64()),
    "word": pa.array(["a, b", "say \\"hi\\"", None]).dictionary_encode(), "yes": pa.array([True, False, None]),
    "day": pa.array([datetime.date(2026, 1, 2), None, None]), "nothing": pa.nulls(3),
}), sys.argv[1])
pq.write_table(pa.table({"x": [1], "list": [[1, 2]]}), sys.argv[2])
pq.write_table(pa.table({"x": [float(i % 7) for i in range(100)], "y": ["ja" if i % 7 > 3 else "nein" for i in range(100)]}), sys.argv[3])
"""


def test_parquet(tmp_path: pathlib.Path, store: pathlib.Path):
    files = [tmp_path / name for name in ("all.parquet", "nested.parquet", "simple.parquet")]
    subprocess.run([interpreter(".venv-parquet", "pyarrow"), "-c", WRITE, *files], check=True)
    done = convert("convert-parquet", files[0], tmp_path / "all.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "all.csv").read_text().replace('"', "'") == (
        "'x','n','word','yes','day','nothing'\n"
        "0.1,9007199254740993,'a, b',true,2026-01-02,\n"
        ",-1,'say ''hi''',false,,\n"
        "1e-300,,,,,\n"
    )
    nested = convert("convert-parquet", files[1], tmp_path / "nested.csv")
    assert nested.returncode == 65 and "column 'list' of list" in nested.stderr
    (tmp_path / "broken.parquet").write_bytes(files[0].read_bytes()[:-40])
    broken = convert("convert-parquet", tmp_path / "broken.parquet", tmp_path / "broken.csv")
    assert broken.returncode == 65 and broken.stderr.count("\n") == 1 and not (tmp_path / "broken.csv").exists()

    scenario = {
        "name": "converted", "rounds": 5, "data": {"name": "csv", "path": str(files[2]), "label_column": "y"},
        "population": {"clusters": [{"name": "all", "clients": 2, "examples_per_client": 30}], "test_examples_per_client": 10},
        "model": {"name": "logistic"}, "method": {"name": "global"}, "privacy": {"target_epsilon": None},
        "local": {"epochs": 2, "batch_size": 10, "learning_rate": 0.5},
    }
    with pytest.raises(dpflsim.DpflsimError, match="tools/convert-parquet"):
        dpflsim.run(scenario, store=store, progress=False)
    assert convert("convert-parquet", files[2], tmp_path / "simple.csv").returncode == 0
    scenario["data"]["path"] = str(tmp_path / "simple.csv")
    assert dpflsim.run(scenario, store=store, progress=False).accuracy.client_mean > 0.9
