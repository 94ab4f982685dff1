"""Draws the learning curves of one or more runs, from their metrics.jsonl alone, and prints their final numbers.

    python -m launch.plot runs/glns_digits/* runs/sgd_digits/* --out=runs/figures

One figure a metric, every run in it. Runs may be unfinished. --figure=NAME draws a figure of `experiments.registry`, or
your own "package.module:function".
"""

from absl import flags

from launch import cli, folder, plots

_OUT = flags.DEFINE_string("out", None, "Folder for the figures. Default for a single run: its own figures/.")
_FIGURE = flags.DEFINE_list("figure", None, "Figures to draw in place of curves, as the first run's config sets them.")
_METRICS = flags.DEFINE_list("metrics", None, "The metrics to draw. Default: those that the runs' configs show.")


def main(argv: list[str]) -> None:
    """Draws the runs that the arguments name."""
    runs = [folder.place(name, "a run") for name in argv[1:]]
    if not runs:
        raise cli.UserError("name at least one run folder: python -m launch.plot RUN [RUN ..]")
    if len(runs) > 1 and _OUT.value is None:
        raise cli.UserError("several runs: say with --out=DIR where their figures go")
    with cli.user_errors(OSError):
        out = runs[0] / "figures" if _OUT.value is None else folder.place(_OUT.value, "--out")
        draws = plots.figures(runs, out, _FIGURE.value) if _FIGURE.value else plots.curves(runs, out, _METRICS.value)
    print(plots.table(runs))
    for path in draws:
        print(f"figure: {path}")


if __name__ == "__main__":
    cli.run(main)
