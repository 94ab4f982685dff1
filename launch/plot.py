"""Draws the learning curves of one or more runs, from their metrics.jsonl alone, and prints their final numbers.

    python -m launch.plot runs/glns_digits/* runs/sgd_digits/* --out=runs/figures

One figure a metric, every run in it. Runs may be unfinished. --figure=NAME draws a figure of `experiments.registry`, or
your own "package.module:function". --join_seeds draws runs that differ in their seed alone as one run of several.
"""

import sys

from absl import flags

from launch import cli, folder, plots, seeds

_OUT = flags.DEFINE_string("out", None, "Folder for the figures. Default for a single run: its own figures/.")
_FIGURE = flags.DEFINE_list("figure", None, "Figures to draw in place of curves, as the first run's config sets them.")
_METRICS = flags.DEFINE_list("metrics", None, "The metrics to draw. Default: those that the runs' configs log.")
_JOIN = flags.DEFINE_bool("join_seeds", False, "Draw runs that differ in their seed alone as one, with its spread.")


def main(argv: list[str]) -> None:
    """Draws the runs that the arguments name."""
    folders = [folder.place(name, "a run") for name in argv[1:]]
    if not folders:
        raise cli.UserError("name at least one run folder: python -m launch.plot RUN [RUN ..]")
    with cli.user_errors(OSError, RuntimeError):  # symbolic links in a circle are a RuntimeError
        num_runs = len(plots.labels(folders))
        if num_runs < len(folders):
            noun = "folder" if num_runs == 1 else "folders"
            print(f"{len(folders)} names of {num_runs} {noun}: each is drawn once", file=sys.stderr)
        if num_runs > 1 and _OUT.value is None:
            raise cli.UserError("several runs: say with --out=DIR where their figures go")
        runs = plots.read(folders)
    if _JOIN.value:
        with cli.user_errors(ValueError):
            runs = seeds.together(runs)
    out = folders[0] / "figures" if _OUT.value is None else folder.place(_OUT.value, "--out")
    try:
        draws = plots.figures(runs, out, _FIGURE.value) if _FIGURE.value else plots.curves(runs, out, _METRICS.value)
    except OSError as error:
        raise cli.UserError(f"cannot write figures to {out} ({error.strerror}); choose a folder with --out") from error
    print(plots.table(runs))
    for path in draws:
        print(f"figure: {path}")


if __name__ == "__main__":
    cli.run(main)
