"""Turns three data frames of R packages into CSV: tables whose rows belong to somebody by nature.

usage: natural_tables.py FRAME.pkl.compress NAME OUT.csv      NAME is states, schools or sites

Needs pandas. The frames are pickles, which can run code when they are read: read only files whose sum was compared.
"""

import csv
import sys

import pandas


def states(frame):
    """The vote of 44,932 of 64,600 people, 2016, by state; empty where nobody knows."""
    yield ["state", "age", "sex", "race", "college", "income", "religion", "church", "vote"]
    for row in frame.itertuples():
        yield [
            row.state, row.age, "female" if row.female else "male", row.racef, "yes" if row.collegeed else "no",
            whole(row.famincr), whole(row.religimp), whole(row.churchatd),
            "" if pandas.isna(row.votetrump) else "trump" if row.votetrump else "other",
        ]


def schools(frame):
    """Whether a pupil scores 13 or more in mathematics, by school."""
    yield ["school", "sex", "minority", "ses", "mean_ses", "score"]
    for row in frame.itertuples():
        yield [
            row.School, row.Sex.lower(), row.Minority.lower(), f"{row.SES:.3f}", f"{row.MEANSES:.3f}",
            "high" if row.MathAch >= 13 else "low",
        ]


def sites(frame):
    """Whether a person sees a physician within a year, by site; a person has a row for each year."""
    yield ["site", "person", "year", "age", "sex", "black", "income", "education", "coinsurance", "diseases", "limited", "health", "visit"]
    for row in frame.itertuples():
        health = "good" if row.hlthg else "fair" if row.hlthf else "poor" if row.hlthp else "excellent"
        yield [
            row.site, row.zper, row.year, f"{row.xage:.1f}", "female" if row.female else "male",
            "yes" if row.black > 0.5 else "no", f"{row.income:.0f}", "" if pandas.isna(row.educdec) else f"{row.educdec:.0f}",
            row.coins, f"{row.disea:.1f}", "yes" if row.physlm > 0.5 else "no", health, "yes" if row.mdvis > 0 else "no",
        ]


def whole(value):
    return "" if pandas.isna(value) else int(value)


def main():
    source, name, target = sys.argv[1:]
    frame = pandas.read_pickle(source, compression="xz")
    with open(target, "w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows({"states": states, "schools": schools, "sites": sites}[name](frame))


main()
