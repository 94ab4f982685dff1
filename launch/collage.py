"""Draws the four papers in one picture, and each on a page, and prints their numbers beside the published ones.

    python -m launch.sweep --config=experiments/configs/collage.py --workdir=runs/collage
    python -m launch.collage runs/collage

The pictures lie in the folder of the runs: collage.png, and glns.png, blur.png, bootstrap.png, self_play.png.
"""

import sys

from experiments import headlines
from experiments.figures import collage as drawn
from launch import cli, folder, plots


def main(argv: list[str]) -> int:
    """Draws the runs in the folder that the argument names. -> 1 where a number does not show what it is to show."""
    if len(argv) != 2:
        raise cli.UserError("name the folder of the sweep: python -m launch.collage runs/collage")
    place = folder.place(argv[1], "a folder")
    places = {
        part: next((path for path in (place / part, place / f"{part}_small") if path.is_dir()), None)
        for part in drawn.RUNS
    }
    if missing := [part for part, path in places.items() if path is None]:
        raise cli.UserError(f"{place} has no run {missing[0]}; launch.sweep of experiments/configs/collage.py makes it")
    with cli.user_errors(OSError, RuntimeError):
        if unfinished := [path for path in places.values() if path and folder.finished_steps(path) is None]:
            raise cli.UserError(f"{unfinished[0]} is not finished; the same launch.sweep goes on with it")
        records = plots.read([path for path in places.values() if path]).records
    runs = dict(zip(places, records.values(), strict=True))
    with cli.user_errors(ValueError, saying=f"{place} holds other runs than those of the collage: "):
        lines = headlines.headlines(runs)
        pictures = {"collage": drawn.collage(runs)}
        for paper in drawn.PAPERS:
            pictures[paper] = drawn.page(runs, paper=paper, headlines=[line for line in lines if line.paper == paper])
    with cli.user_errors(OSError, saying=f"cannot write pictures to {place}: "):
        for name, figure in pictures.items():
            figure.savefig(plots.picture(place, name), dpi=120)
    print(plots.aligned([["", "here", "the paper"], *([line.what, line.ours, line.published] for line in lines)]))
    for name in pictures:
        print(f"figure: {plots.picture(place, name)}")
    failed = [line.what for line in lines if not line.holds]
    for what in failed:
        print(f"does not show what it is to show: {what}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    cli.run(main)
