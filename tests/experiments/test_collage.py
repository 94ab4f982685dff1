"""The collage draws four papers, and its table says what holds and what does not."""

import json

import numpy as np
import pytest

from experiments import headlines, records
from experiments.configs import collage as config
from experiments.figures import collage
from experiments.records import Records

STEPS = [0, 10, 100, 1000]


def run(values, *, cells=("",), baselines=(), artifacts=()):
    """Records of two seeds. values: path -> its means at STEPS."""
    lines = []
    for i, step in enumerate(STEPS):
        of_step = {name: means[i] for name, means in values.items()}
        seeds = {f"{name}{records.SEEDS}": [mean - 0.01, mean + 0.01] for name, mean in of_step.items()}
        lines.append({"step": step, **of_step, **seeds})
    return Records(lines, cells, baselines, lambda name: json.dumps(dict(artifacts)[name]))


def film():
    """Alice moves a puck from step 0 to 2, Bob his to 5."""
    links = [{"pos": [[0.0, 0.0, 0.02], [0.01 * i, 0.0, 0.02]], "rot": [[1.0, 0.0, 0.0, 0.0]] * 2} for i in range(6)]
    ball = {
        "name": "Sphere",
        "link_idx": 1,
        "pos": [0, 0, 0],
        "rot": [1, 0, 0, 0],
        "size": [0.02],
        "rgba": [1, 0, 0, 1],
    }
    return {
        "states": {"x": links},
        "geoms": {"puck": [ball]},
        "bobs_turn": [False] * 3 + [True] * 3,
        "resolved": [False] * 5 + [True],
        "success": [False] * 5 + [True],
    }


def made():
    """Runs of all parts, in which every line of the table holds."""
    falling, rising = [0.9, 0.3, 0.1, 0.1], [0.0, 0.2, 0.4, 0.8]
    images = np.zeros((10, 8, 8)).tolist()
    sgd, adam = "sgd_0_1", "adam_0_01"
    worlds = {
        f"eval/{world}/{learner}{metric}": falling
        for world in ("real", "ideal")
        for learner in ("", "sgd/", "genome/")
        for metric in ("test_soft_error", "train_soft_error")
    }
    worlds |= {name: [0.9, 0.2, 0.005, 0.0] for name in worlds if "train" in name}
    tasks = {f"eval/{name}task_{k}/test_error": falling for name in ("", "sgd/", "ewc/") for k in range(1, 5)}
    return {
        "stream": run(
            {"train/error": [0.1] * 4, "train/network/error": [0.2] * 4, "train/linear/error": [0.3] * 4},
            baselines=("network", "linear"),
        ),
        "digits": run(
            {"eval/test_error": [*falling[:3], 0.05]},
            artifacts={"saliency.json": {"images": images, "maps": images, "labels": list(range(10))}}.items(),
        ),
        "tasks": run(
            tasks | {"eval/retention": [0.9] * 4, "eval/sgd/retention": [0.7] * 4, "eval/ewc/retention": [0.8] * 4},
            baselines=("sgd", "ewc"),
        ),
        "genome": run(
            {
                "eval/test_error": [0.9, 0.1, 0.05, 0.04],
                f"eval/{sgd}/test_error": [0.9, 0.3, 0.1, 0.035],
                f"eval/{adam}/test_error": [0.9, 0.2, 0.2, 0.2],
                "eval/earlier/test_error": [0.9, 0.2, 0.8, 0.9],
            },
            baselines=(sgd, adam, "earlier"),
        ),
        "worlds": run(worlds, cells=("real", "ideal"), baselines=("sgd", "genome")),
        "puck": run(
            {
                "train/valid_goals": rising,
                "train/bob_success": rising,
                "eval/holdout_success": rising,
                "eval/holdout_success_random": [0.0] * 4,
            },
        ),
        "gripper": run(
            {
                "eval/push_1_success": [0.99] * 4,
                "eval/pick_and_place_1_success": [0.98] * 4,
                "eval/holdout_success_random": [0.0] * 4,
            },
            artifacts={"episode.json": film()}.items(),
        ),
    }


@pytest.fixture
def runs():
    return made()


def test_the_table(runs):
    lines = headlines.headlines(runs)
    assert all(line.holds for line in lines)
    by_paper = {paper: [line.ours for line in lines if line.paper == paper] for paper in collage.PAPERS}
    assert by_paper["glns"] == [
        "0.900; SGD network 0.800, linear 0.700",
        "0.950 of 8 x 8 pixels (2 seeds)",
        "0.900; SGD 0.700, with EWC 0.800",
    ]
    assert by_paper["blur"][0] == "0.900 0.950 0.960; best SGD or Adam of each step 0.800 0.900 0.965"
    assert by_paper["bootstrap"][0] == "0.000 ± 0.000; test - train 0.098"
    assert by_paper["self_play"] == [
        "0.800 from scratch; a random Bob 0.000",
        "pushing 0.990, picking and placing 0.980; a random Bob 0.000",
    ]


@pytest.mark.parametrize(
    ("part", "path", "values", "what"),
    [
        ("stream", "train/network/error", [0.05] * 4, "stream"),
        ("digits", "eval/test_error", [0.9, 0.5, 0.4, 0.3], "digits"),
        ("tasks", "eval/sgd/retention", [0.95] * 4, "tasks"),
        ("genome", "eval/sgd_0_1/test_error", [0.9, 0.05, 0.1, 0.1], "steps 10 100 1000"),
        ("genome", "eval/earlier/test_error", [0.9, 0.1, 0.1, 0.01], "the paper's kind"),
        ("puck", "eval/holdout_success", [0.0, 0.1, 0.2, 0.3], "with a puck"),
        ("gripper", "eval/pick_and_place_1_success", [0.5] * 4, "a gripper"),
    ],
)
def test_a_number_that_does_not_show_it_is_named(runs, part, path, values, what):
    changed = [
        {**line, path: value, f"{path}{records.SEEDS}": [value] * 2}
        for line, value in zip(runs[part].lines, values, strict=True)
    ]
    (failed,) = [
        line.what for line in headlines.headlines(runs | {part: runs[part]._replace(lines=changed)}) if not line.holds
    ]
    assert what in failed


def test_it_is_drawn(runs):
    lines = headlines.headlines(runs)
    whole = collage.collage(runs)
    whole.canvas.draw()
    titles = [text.get_text() for part in whole.subfigs for text in part.texts]
    assert [title.split(":")[0] for title in titles] == [paper.title for paper in collage.PAPERS.values()]
    for name in collage.PAPERS:
        page = collage.page(runs, paper=name, headlines=[line for line in lines if line.paper == name])
        page.canvas.draw()
        cells = [
            cell.get_text().get_text() for axes in page.subfigs[2].axes for cell in axes.tables[0].get_celld().values()
        ]
        assert set(cells) >= {line.ours for line in lines if line.paper == name}


def test_every_part_is_of_the_sweep():
    added = []
    config.sweep(added.append)
    drawn = {panel.run for paper in collage.PAPERS.values() for panel in paper.panels}
    assert drawn == set(added)
