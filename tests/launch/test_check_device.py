"""The check of a device: every line is kept, and what takes too long costs its own part alone."""

import json
import math

import pytest

from launch.checks import runs


def test_a_part_is_measured_and_one_that_takes_too_long_is_ended(run, tmp_path):
    status, _ = run("launch.check_device", f"--out={tmp_path}", "--parts=precision,density", "--minutes=0.5", "--small")
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    of_part = {part: [line for line in lines if line["part"] == part] for part in ("precision", "density")}
    errors = {line["name"]: line["value"] for line in of_part["precision"] if line["name"].endswith("error")}
    assert errors.keys() == {"product/default/error", "product/highest/error"}
    assert errors["product/highest/error"] < 1e-5
    assert of_part["density"][-1]["name"] in ("time", "density/batch8")
    assert status == (of_part["density"][-1]["unit"] == "failed")
    table = (tmp_path / "table.md").read_text()
    assert all(f"| {line['part']} | {line['name']} |" in table for line in lines)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--out=DIR"),
        (("--parts=nope", "--out=x"), "no part 'nope'; there are precision"),
        (("--out=",), "is empty"),
        (("--parts=", "--out=x"), "--parts is empty"),
        (("--minutes=inf", "--out=x"), "--minutes=inf: minutes below a million"),
    ],
)
def test_mistakes_are_one_line(run, flags, message):
    status, output = run("launch.check_device", *flags)
    assert status == 2
    assert message in output
    assert len(output.strip().split("\n")) == 1


def test_the_deviation_is_that_of_the_number_farthest_off():
    recorded = [{"step": 0, "a": 2.0, "b": 1e-3}, {"step": 1, "a": 4.0, "a/seeds": [1.0]}]
    assert runs.deviation(recorded, recorded) == 0
    assert runs.deviation([recorded[0], {"step": 1, "a": 5.0, "a/seeds": [9.0]}], recorded) == 0.25
    assert runs.deviation([{"step": 0, "a": 2.0, "b": 2e-3}, recorded[1]], recorded) == pytest.approx(0.1)
    for line in ({"step": 1, "a": None}, {"step": 1}, {"step": 1, "a": math.nan}):
        assert math.isnan(runs.deviation([{**recorded[0], "a": 3.0}, line], recorded))


def test_a_paper_that_fails_costs_its_own_lines_alone(monkeypatch):
    def lines_of(name):
        if name == "blur_toy":
            raise RuntimeError("out of memory")
        return json.loads(runs.RECORDED.read_text())[name], 1.0

    monkeypatch.setattr(runs, "_lines_of", lines_of)
    lines = {name: (value, unit) for name, value, unit in runs.papers(small=False)}
    assert lines["blur_toy/error"] == ("out of memory", "failed")
    assert [lines[f"{name}/deviation"][0] for name in runs.PAPERS if name != "blur_toy"] == [0, 0, 0]


def test_every_paper_is_recorded():
    recorded = json.loads(runs.RECORDED.read_text())
    assert recorded.keys() == set(runs.PAPERS)
    assert all(line["step"] >= 0 for lines in recorded.values() for line in lines)
