"""The tours run from beginning to end, and say what they say."""

import runpy
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
TOURS = sorted((CHECKOUT / "experiments" / "tours").glob("*.py"))


def test_there_are_tours():
    assert [path.stem for path in TOURS] == ["glns_density", "glns_digits"]


def test_digits(capsys):
    tour = runpy.run_path(str(CHECKOUT / "experiments" / "tours" / "glns_digits.py"))
    assert tour["test_error"] < 0.06
    assert tour["maps"].shape == (10, 10, 8, 8)
    assert len(tour["saliency"].axes) == 20
    kept = {name: rows[-1][0] for name, rows in tour["kept"].items()}  # of the first task, in the end
    assert kept["GLN"] > kept["SGD"] + 0.2
    assert "on the test digits after one pass" in capsys.readouterr().out
