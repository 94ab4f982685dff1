"""Genomes by name and by path, the text that a run leaves, and the race of a genome and SGD."""

import chex
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

import blur
from blur.rule import Rule
from experiments import analyses, artifacts, data

GENOME = blur.delta_genome(jax.random.key(0), 2)


def test_a_file_by_its_path(tmp_path):
    path = tmp_path / "genome.json"
    path.write_text(blur.serialize.dumps(GENOME, Rule(symmetric=True), {}))
    of_genome, rule = data.genome(str(path))
    chex.assert_trees_all_equal(of_genome, GENOME)
    assert rule == Rule(symmetric=True)


def test_a_pretrained_one_by_its_name():
    name = blur.pretrained.names()[0]
    of_genome, rule, _ = blur.pretrained.load(name)
    by_name, by_rule = data.genome(name)
    chex.assert_trees_all_equal(by_name, of_genome)
    assert by_rule == rule


def test_no_such_genome(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no genome file {tmp_path}/none.json; the pretrained ones are "):
        data.genome(f"{tmp_path}/none.json")
    with pytest.raises(ValueError, match="no pretrained genome named 'none'; there are "):
        blur.pretrained.load("none")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "not a whole JSON text"), (b"\xff\xfe", "genome.json: not a text"), (b"[]", "not a gen")],
)
def test_a_damaged_file(tmp_path, content, message):
    path = tmp_path / "genome.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        data.genome(str(path))


def run_of(name, state):
    """A config and a run of which only the learner counts."""
    rule = {"backward_update": "multiplicative"}
    config = {"command": "a command", "num_steps": 7, "learner": {"name": name, "rule": rule}}
    return ConfigDict(config), type("Run", (), {"learner": state})


def test_the_text_that_a_run_leaves_has_its_best_genome():
    genomes = jax.vmap(lambda key: blur.delta_genome(key, 2))(jax.random.split(jax.random.key(1), 3))
    state = blur.meta.State(0, genomes, (), np.array([1.0, 0.2, 0.1]), np.array([0, 0, 4]), 0, 0)
    written = artifacts.genome(*run_of("blur_meta", state))
    assert list(written) == ["genome.json"]
    of_genome, rule, note = blur.serialize.loads(written["genome.json"])
    chex.assert_trees_all_equal(of_genome, jax.tree.map(lambda leaf: leaf[1], genomes))  # the third is diverging
    assert rule == Rule(backward_update="multiplicative")
    assert note["command"] == "a command"
    assert '"num_steps": 7' in note["config"]


def test_the_text_of_an_evolution_has_its_mean():
    written = artifacts.genome(*run_of("blur_evolution", blur.evolution.State(None, GENOME)))
    chex.assert_trees_all_equal(blur.serialize.loads(written["genome.json"])[0], GENOME)


def test_a_learner_without_a_genome():
    with pytest.raises(ValueError, match="the learner 'sgd' has no genome to keep; blur_meta, blur_evolution have"):
        artifacts.genome(*run_of("sgd", None))


def test_race_by_hand():
    """Two seeds, two rivals, three steps, of which the third is beyond the first two."""
    errors = {
        "probe/test_error": [[0.9, 0.9], [0.5, 0.3], [0.3, 0.1], [0.1, 0.1]],
        "probe/sgd_1/test_error": [[0.9, 0.9], [0.7, 0.7], [0.1, 0.1], [0.0, 0.0]],
        "probe/sgd_2/test_error": [[0.9, 0.9], [0.6, 0.4], [0.6, 0.4], [0.0, 0.0]],
    }
    records = [{"step": i} for i in range(4)]
    for name, of_steps in errors.items():
        for record, seeds in zip(records, of_steps, strict=True):
            record |= {name: float(np.mean(seeds)), f"{name}/seeds": seeds}
    expected = {
        "probe/blur_accuracy_at_2": 0.8,
        "probe/best_sgd_accuracy_at_2": 0.9,
        "probe/blur_area": 0.7,
        "probe/best_sgd_area": 0.6,  # sgd_1's: (0.3 + 0.9) / 2
        "probe/steps_ahead": 0.5,  # 0.6 against 0.5, 0.8 against 0.9
        "probe/least_lead": -0.1,
    }
    chex.assert_trees_all_close(analyses.race(records, first=2), expected, rtol=1e-6)
