"""The classes of a scenario fit the schema, and what they write is the file."""

import copy
import dataclasses
import json
import subprocess
import sys

import pytest

import dpflsim
from dpflsim import scenario as parts

from .conftest import CLONE

FILES = sorted(CLONE.glob("scenarios/**/*.json"))
SCENARIOS = [file for file in FILES if "schema" not in file.name and "rounds" in json.loads(file.read_text())]


def test_generated_classes_are_up_to_date():
    check = subprocess.run([sys.executable, CLONE / "python" / "generate_scenario.py", "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_shipped_scenarios_are_read_and_written_whole(file):
    document = json.loads(file.read_text())
    document.pop("$schema", None)
    scenario = dpflsim.Scenario.from_dict(document)
    assert scenario.to_dict() == document
    assert isinstance(scenario.privacy, parts.Privacy)
    # Clients that a table names are in no cluster of the scenario.
    if "clusters" in document["population"]:
        assert isinstance(scenario.population.clusters[0], parts.Cluster)


def test_every_class_is_what_the_schema_says():
    """An independent walk: each object of the schema has a class with exactly its settings."""
    schema = json.loads((CLONE / "scenarios" / "scenario.schema.json").read_text())
    objects = []

    def walk(node):
        if "properties" in node:
            objects.append(frozenset(node["properties"]) - {"$schema"})
        for child in [*node.get("properties", {}).values(), *node.get("oneOf", [])] + ([node["items"]] if "items" in node else []):
            walk(child)

    walk(schema)
    classes = [getattr(parts, name) for name in parts.__all__]
    settings = {frozenset(field.name.removesuffix("_") for field in dataclasses.fields(kind)) for kind in classes}
    assert settings == set(objects) and len(classes) >= len(settings)


def test_built_in_code(tmp_path, store):
    scenario = dpflsim.Scenario(
        name="two-wards",
        rounds=2,
        data=parts.SyntheticData(synthetic=parts.Synthetic(classes=3, features=6, train_examples=2000)),
        population=parts.Population(
            clusters=[
                parts.Cluster(name="a", clients=3, examples_per_client=100),
                parts.Cluster(name="b", clients=2, examples_per_client=100, shift=parts.Shift(label_offset=1), minority=True),
            ]
        ),
        model=parts.LogisticModel(),
        local=parts.Local(batch_size=20, learning_rate=0.5),
        privacy=parts.Privacy(target_epsilon=4, target_delta=1e-3),
        method=parts.MrMtlMethod(lambda_=0.1),
    )
    assert scenario.to_dict()["method"] == {"name": "mr-mtl", "lambda": 0.1}
    assert "cohort_size" not in scenario.to_dict() and scenario.cohort_size is dpflsim._part.UNSET
    scenario.save(tmp_path / "two-wards.json")
    assert dpflsim.Scenario.load(tmp_path / "two-wards.json") == scenario == copy.deepcopy(scenario)
    scenario.privacy.target_epsilon = None
    result = dpflsim.run(scenario, store=store, progress=False)
    assert result.scenario == "two-wards" and result.privacy.epsilon_max is None
    assert [cluster.minority for cluster in result.clusters] == [False, True]


def test_what_is_no_setting_is_refused():
    with pytest.raises(AttributeError):
        parts.Privacy(target_epsilon=1).epsilon = 2
    with pytest.raises(TypeError, match="target_epsilon"):
        parts.Privacy()
    with pytest.raises(TypeError, match="unexpected keyword argument 'rank'"):
        parts.LoraAdapter(r=1, lora_alpha=1, target_modules=["fc"], rank=2)
    with pytest.raises(dpflsim.InvalidInput) as caught:
        dpflsim.Scenario.from_dict({"population": {"clusters": [{"name": "a", "clientz": 3}]}})
    assert str(caught.value) == 'population.clusters[0].clientz: unknown key; did you mean "clients"?'


def test_what_is_missing_is_said_by_the_program(tiny):
    document = json.loads(tiny.read_text())
    del document["privacy"]["target_epsilon"]
    scenario = dpflsim.Scenario.from_dict(document)
    with pytest.raises(dpflsim.InvalidInput) as caught:
        dpflsim.check(scenario)
    assert caught.value.place == "privacy.target_epsilon"


def test_files_that_are_no_scenario(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    for name in ("broken.json", "list.json"):
        with pytest.raises(dpflsim.InvalidInput, match="write a JSON object"):
            dpflsim.Scenario.load(tmp_path / name)


def test_help_is_there():
    assert "Communication rounds. At least 1, at most 100,000. Required." in (CLONE / "python/src/dpflsim/scenario.py").read_text()
    assert parts.LoraAdapter.__doc__.startswith("Low-rank adaptation")
