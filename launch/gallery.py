"""Draws the pictures of experiments/gallery anew: those of runs from their folders, those of tours by running these.

    python -m launch.gallery runs                                        # all of them
    python -m launch.gallery runs --only=pair,samples --out=runs/gallery

The run of `NAME.py:VARIANT` is looked for in runs/NAME/VARIANT. Where it is not there, or not finished, the picture
stays as it was, and the command is printed that makes the run. A tour that needs data takes them from COLLAGE_DATA.
"""

from absl import flags

from launch import cli, folder, pictures

_OUT = flags.DEFINE_string("out", str(pictures.EXPERIMENTS / "gallery"), "Folder for the pictures.")
_ONLY = flags.DEFINE_list("only", None, "The pictures to draw. Default: all.")


def main(argv: list[str]) -> int:
    """Draws what can be drawn. -> 1 where a picture could not."""
    if len(argv) != 2:
        raise cli.UserError("name the folder of the runs: python -m launch.gallery runs")
    chosen = _ONLY.value or list(pictures.PICTURES)
    if unknown := [name for name in chosen if name not in pictures.PICTURES]:
        raise cli.UserError(f"--only: no picture {unknown[0]!r}; there are {', '.join(pictures.PICTURES)}")
    runs, out = folder.place(argv[1], "the folder of the runs"), folder.place(_OUT.value, "--out")
    problems = pictures.draw(chosen, runs, out)
    return int(any(problems.values()))


if __name__ == "__main__":
    cli.run(main)
