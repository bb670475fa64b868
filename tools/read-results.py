#!/usr/bin/env python3
"""Reads the store of runs without dpflsim: the numbers behind the frontier of worst-cluster accuracy, and its figure.

usage: tools/read-results.py [STORE] [--scenario NAME] [--figure FILE]

FILE is drawn anew from the numbers: a Vega-Lite specification for .json, a picture for .svg or .png (needs
`pip install vl-convert-python`). Prints method, epsilon, seeds, mean worst-cluster accuracy, mean client accuracy, and the
rules of the check that were allowed for a run, whose epsilon says little then, as `dpflsim compare --format csv` has them
for the same runs; only dpflsim itself knows which stored runs it refuses today. Figures have hollow marks there, and no
line. Uses pandas where it is installed and
sqlite3 alone otherwise; both ways give the same table.
"""

import argparse
import json
import pathlib
import sqlite3
import sys

QUERY = """
SELECT run_id, scenario, scenario_hash, method, seed, client_mean_accuracy, worst_cluster_accuracy,
       build, data_hash, result_json
FROM runs WHERE status = 'done' ORDER BY started_at DESC, run_id DESC
"""


def epsilon_label(connection, run_id):
    """The target of the clients as `dpflsim compare` writes it: none, 2, or 1–5."""
    targets = connection.execute(
        "SELECT DISTINCT target_epsilon FROM client_results WHERE run_id = ?", [run_id])
    values = [float("inf") if target is None else target for (target,) in targets]

    def text(value):
        return "none" if value == float("inf") else f"{value:g}"

    low, high = min(values), max(values)
    return text(low) if low == high else f"{text(low)}–{text(high)}"


def allowed_rules(result, epsilon):
    """Findings that were allowed for a run: their names with spaces between, empty where there are none or no epsilon is stated."""
    findings = (json.loads(result) if result else {}).get("allowed_findings") or []
    return "" if epsilon == "none" else " ".join(sorted({finding["rule"] for finding in findings}))


def read(store, scenario):
    """The latest finished run of every scenario hash, of the latest build and data alone, as dictionaries."""
    connection = sqlite3.connect(f"{pathlib.Path(store).resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    if connection.execute("PRAGMA user_version").fetchone()[0] < 5:
        sys.exit(f"{store}: its tables are of an earlier version; `dpflsim runs` brings them up to date")
    seen, rows, sources = set(), [], {}
    for row in connection.execute(QUERY):
        if row["scenario_hash"] in seen or scenario not in (None, row["scenario"]):
            continue
        # Runs of another build or of other data are never pooled with these.
        source = (row["build"], row["data_hash"])
        if sources.setdefault(row["scenario"], source) != source:
            continue
        seen.add(row["scenario_hash"])
        epsilon = epsilon_label(connection, row["run_id"])
        rows.append(
            {
                "scenario": row["scenario"],
                "method": row["method"],
                "epsilon": epsilon,
                "seed": row["seed"],
                "worst_cluster": row["worst_cluster_accuracy"],
                "client_mean": row["client_mean_accuracy"],
                "allowed": allowed_rules(row["result_json"], epsilon),
            }
        )
    connection.close()
    return rows


def union(rules):
    """The rules of several runs, each once."""
    return " ".join(sorted({rule for names in rules for rule in names.split()}))


def table(rows):
    """Means over seeds for each scenario, method and epsilon, and what was allowed for any of the runs."""
    try:
        import pandas
    except ImportError:
        groups = {}
        for row in rows:
            groups.setdefault((row["scenario"], row["method"], row["epsilon"]), []).append(row)
        return [
            (
                *key,
                len(group),
                sum(row["worst_cluster"] for row in group) / len(group),
                sum(row["client_mean"] for row in group) / len(group),
                union(row["allowed"] for row in group),
            )
            for key, group in sorted(groups.items())
        ]
    if not rows:
        return []
    means = (
        pandas.DataFrame(rows)
        .groupby(["scenario", "method", "epsilon"])
        .agg(
            n=("seed", "size"),
            worst_cluster=("worst_cluster", "mean"),
            client_mean=("client_mean", "mean"),
            allowed=("allowed", union),
        )
        .reset_index()
        .sort_values(["scenario", "method", "epsilon"])
    )
    return list(means.itertuples(index=False, name=None))


def specification(rows):
    """The frontier as a Vega-Lite specification: a line a method, no privacy at twice the largest epsilon."""
    budgets = [float(row[2]) for row in rows if row[2] != "none" and "–" not in row[2]]
    end = 2 * max(budgets, default=0.5)
    values = [
        {
            "scenario": row[0],
            "method": row[1],
            "epsilon": row[2],
            "x": end if row[2] == "none" else float(row[2].split("–")[-1]),
            "accuracy": round(100 * row[4], 3),
            "allowed": row[6],
        }
        for row in rows
    ]
    series = {"field": "method", "type": "nominal"}
    sound = [{"filter": "datum.allowed == ''"}]
    points = {"tooltip": [{"field": name} for name in ("method", "epsilon", "accuracy", "allowed")]}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": values},
        "facet": {"field": "scenario", "type": "nominal", "title": None},
        "spec": {
            "width": 480,
            "height": 300,
            "layer": [
                {"mark": "line", "transform": sound, "encoding": {"strokeDash": series}},
                {"mark": {"type": "point", "filled": True, "opacity": 1}, "transform": sound, "encoding": points},
                {
                    "mark": {"type": "point", "filled": False, "opacity": 1},
                    "transform": [{"filter": "datum.allowed != ''"}],
                    "encoding": points,
                },
            ],
            "encoding": {
                "x": {
                    "field": "x",
                    "type": "quantitative",
                    "title": "epsilon",
                    "scale": {"type": "log", "base": 2},
                    "axis": {
                        "values": sorted({row["x"] for row in values}),
                        "labelExpr": f"datum.value == {end} ? 'none' : format(datum.value, '~g')",
                    },
                },
                "y": {"field": "accuracy", "type": "quantitative", "title": "worst cluster, %", "scale": {"zero": False}},
                "color": series,
            },
        },
    }


def draw(rows, file):
    """Writes the figure in the format that the name of the file asks for."""
    drawing = specification(rows)
    path = pathlib.Path(file)
    if path.suffix == ".json":
        path.write_text(json.dumps(drawing, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    if path.suffix not in (".svg", ".png"):
        sys.exit(f"{file}: cannot be drawn; name a file that ends with .json, .svg or .png")
    try:
        import vl_convert
    except ImportError:
        sys.exit(f"{file}: needs the package vl-convert-python; install it with pip, or name a .json file")
    if path.suffix == ".svg":
        path.write_text(vl_convert.vegalite_to_svg(drawing), encoding="utf-8")
    else:
        path.write_bytes(vl_convert.vegalite_to_png(drawing, scale=2))


def main():
    home = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", nargs="?", default=home / "results" / "dpflsim.sqlite")
    parser.add_argument("--scenario", help="only runs of the scenario with this name")
    parser.add_argument("--figure", metavar="FILE", help="draw the numbers into a .json, .svg or .png file")
    options = parser.parse_args()
    if not pathlib.Path(options.store).is_file():
        sys.exit(f"{options.store}: there is no store of runs; run a sweep first")
    print("scenario,method,epsilon,n,worst_cluster_accuracy,client_mean_accuracy,allowed")
    rows = table(read(options.store, options.scenario))
    for scenario, method, epsilon, count, worst, mean, allowed in rows:
        print(f"{scenario},{method},{epsilon},{count},{worst:.6f},{mean:.6f},{allowed}")
    if options.figure:
        draw(rows, options.figure)


if __name__ == "__main__":
    main()
