"""Looking at tables and partitions, and groups of people in results, against the program's own documents."""

import json
import pathlib

import pytest

import dpflsim

from .test_run import program


@pytest.fixture(scope="module")
def wards(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Three wards, patients of two or three rows each."""
    rows = []
    for patient in range(90):
        for visit in range(2 + patient % 2):
            age = 20 + (7 * patient) % 60
            outcome = "yes" if age + visit > 50 else "no"
            rows.append(f"{'north east south'.split()[patient % 3]},{1000 + 3 * patient},{age},{'f' if patient % 5 < 2 else 'm'},{outcome}")
    file = tmp_path_factory.mktemp("wards") / "wards.csv"
    file.write_text("ward,patient,age,sex,outcome\n" + "\n".join(rows) + "\n")
    return file


def test_inspection_is_the_program_s_and_its_scenario_runs(wards, store):
    look = dpflsim.inspect(wards, label="outcome", client="ward")
    document = json.loads(program("data", "inspect", wards, "--label", "outcome", "--client", "ward", "--format", "json"))
    assert set(document) == set(dpflsim.TableInspection.__dataclass_fields__)
    assert set(document["columns"][0]) == set(type(look.columns[0]).__dataclass_fields__)
    assert set(document["carried"][0]) == set(type(look.carried[0]).__dataclass_fields__)
    assert [one.client for one in look.carried] == ["east", "north", "south"]
    # Of thirty patients a ward trains on four fifths, one row of each.
    assert all(one.rows == 24 and one.least_epsilon > 0 for one in look.carried)
    assert look.rows == 225 and [one.name for one in look.clients] == ["east", "north", "south"]
    kinds = {column.name: column.kind for column in look.columns}
    assert kinds == {"ward": "categorical", "patient": "person", "age": "numeric", "sex": "categorical", "outcome": "categorical"}
    assert look.scenario["data"]["id_column"] == "patient"
    # Its bounds and classes are those of the rows: a run says so before anything is trained.
    with pytest.raises(dpflsim.InvalidInput, match=r'allow=\["DP115"\]'):
        dpflsim.run(look.scenario, store=store, progress=False, rounds=1, local__batch_size=4)
    result = dpflsim.run(look.scenario, store=store, progress=False, rounds=1, local__batch_size=4, allow=["DP115"])
    # Of 30 patients a ward those of a fifth of the rows are for testing, and each of the others is one example.
    assert all(22 <= client.train_examples <= 25 and client.test_examples >= 15 for client in result.clients)
    assert dpflsim.inspect(wards).scenario is None
    with pytest.raises(dpflsim.MissingInput):
        dpflsim.inspect(wards.with_name("none.csv"))
    with pytest.raises(dpflsim.WrongUsage, match="is a dict, and scenarios read files"):
        dpflsim.inspect({"ward": []})
    with pytest.raises(dpflsim.InvalidInput, match="has no column 'fate'"):
        dpflsim.inspect(wards, label="fate")


def test_description_is_the_program_s(tiny):
    described = dpflsim.describe(tiny, seed=3)
    document = json.loads(program("data", "describe", tiny, "--seed", 3, "--format", "json"))
    assert described.document == document and set(document) <= set(dpflsim.DataDescription.__dataclass_fields__)
    assert set(document["clients"][0]) == set(type(described.clients[0]).__dataclass_fields__)
    assert described.seed == 3 and sum(described.clients[0].seen_labels) == described.clients[0].train_examples


def test_groups_over_seeds(wards, store):
    look = dpflsim.inspect(wards, label="outcome", client="ward")
    swept = dpflsim.sweep(
        look.scenario, seeds=range(2), store=store, progress=False, rounds=1, local__batch_size=4, allow=["DP115"],
        set={"data.group_columns": ["sex", {"column": "age", "bands": [50]}]},
    )  # fmt: skip
    comparison = swept.compare()
    groups = comparison.cells[0].groups
    assert [(one.attribute, one.name) for one in groups] == [
        ("sex", "f"), ("sex", "m"), ("age", "below 50"), ("age", "50 and above")
    ]  # fmt: skip
    document = comparison.document["cells"][0]["groups"][0]
    assert set(document) == set(type(groups[0]).__dataclass_fields__)
    assert groups[0].accuracy.mean == document["accuracy"]["mean"] and groups[0].accuracy.n == 2
    frame = pytest.importorskip("pandas") and comparison.frame("groups")
    assert list(frame["name"]) == ["f", "m", "below 50", "50 and above"]
