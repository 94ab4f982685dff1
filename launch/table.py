"""Prints a table of runs: a row each, and of each cell of a grid, with the keys in which they differ and their numbers.

    python -m launch.table runs/rates/*
    python -m launch.table runs/rates/* --sort=eval/test_error --format=csv > rates.csv

A number is the mean over seeds ± its standard error, without the seeds that are not finite, which are counted: "(2 of
3)". Of a run that is not finished it is that of the last record, and the column `step` says how far it is: "40 of 100",
or "40 of 100, stopped" where it stopped by itself, as a run that has diverged; CSV, JSON and run.json have the reason.
"""

import sys

from absl import flags

from launch import cli, tables
from launch.folder import place

_METRICS = flags.DEFINE_list("metrics", None, "The metrics to show. Default: those that the runs' configs log.")
_SORT = flags.DEFINE_string("sort", None, "The metric to sort by, the least first. Default: by the keys.")
_FORMAT = flags.DEFINE_enum("format", "text", ("text", "csv", "json"), "How to print it.")


def main(argv: list[str]) -> None:
    """Prints the table of the runs that the arguments name."""
    folders = [place(name, "a run") for name in argv[1:]]
    if not folders:
        raise cli.UserError("name at least one run folder: python -m launch.table RUN [RUN ..]")
    others = [folder for folder in folders if not (folder / "config.json").exists()]
    if len(others) < len(folders):
        for folder in others:
            print(f"{folder} is no run folder", file=sys.stderr)
        folders = [folder for folder in folders if folder not in others]
    with cli.user_errors(OSError, RuntimeError):  # symbolic links in a circle are a RuntimeError
        rows = tables.table(folders, _METRICS.value, _SORT.value)
    written = {"text": tables.text, "csv": tables.csv_text, "json": tables.json_text}[_FORMAT.value](rows)
    print(written, end="")


if __name__ == "__main__":
    cli.run(main)
