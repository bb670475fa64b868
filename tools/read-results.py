#!/usr/bin/env python3
"""Reads the store of runs without dpflsim: the numbers behind the frontier of worst-cluster accuracy.

usage: tools/read-results.py [STORE] [--scenario NAME]

Prints method, epsilon, seeds, mean worst-cluster accuracy and mean client accuracy, as
`dpflsim compare --format csv` has them for the same runs. Uses pandas where it is installed and
sqlite3 alone otherwise; both ways give the same table.
"""

import argparse
import json
import pathlib
import sqlite3
import sys

QUERY = """
SELECT run_id, scenario, scenario_hash, method, seed, client_mean_accuracy, worst_cluster_accuracy,
       result_json
FROM runs WHERE status = 'done' ORDER BY started_at DESC, run_id DESC
"""


def epsilon_label(result_json):
    """The target of the clients as `dpflsim compare` writes it: none, 2, or 1–5."""
    targets = [client.get("target_epsilon") for client in json.loads(result_json)["clients"]]
    values = [float("inf") if target is None else target for target in targets]

    def text(value):
        return "none" if value == float("inf") else f"{value:g}"

    low, high = min(values), max(values)
    return text(low) if low == high else f"{text(low)}–{text(high)}"


def read(store, scenario):
    """The latest finished run of every scenario hash, as dictionaries."""
    connection = sqlite3.connect(f"{pathlib.Path(store).resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    seen, rows = set(), []
    for row in connection.execute(QUERY):
        if row["scenario_hash"] in seen or scenario not in (None, row["scenario"]):
            continue
        seen.add(row["scenario_hash"])
        rows.append(
            {
                "scenario": row["scenario"],
                "method": row["method"],
                "epsilon": epsilon_label(row["result_json"]),
                "seed": row["seed"],
                "worst_cluster": row["worst_cluster_accuracy"],
                "client_mean": row["client_mean_accuracy"],
            }
        )
    connection.close()
    return rows


def table(rows):
    """Means over seeds for each scenario, method and epsilon."""
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
        )
        .reset_index()
        .sort_values(["scenario", "method", "epsilon"])
    )
    return list(means.itertuples(index=False, name=None))


def main():
    home = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", nargs="?", default=home / "results" / "dpflsim.sqlite")
    parser.add_argument("--scenario", help="only runs of the scenario with this name")
    options = parser.parse_args()
    if not pathlib.Path(options.store).is_file():
        sys.exit(f"{options.store}: there is no store of runs; run a sweep first")
    print("scenario,method,epsilon,n,worst_cluster_accuracy,client_mean_accuracy")
    for scenario, method, epsilon, count, worst, mean in table(read(options.store, options.scenario)):
        print(f"{scenario},{method},{epsilon},{count},{worst:.6f},{mean:.6f}")


if __name__ == "__main__":
    main()
