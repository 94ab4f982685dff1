"""Genomes by name and by path, and the text that a run leaves."""

import chex
import jax
import numpy as np
import pytest

import blur
import bootstrap
from blur.rule import Rule
from experiments import artifacts, data

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


def left(state):
    """What a run leaves of which only the learner's state counts."""
    rule = {"name": "blur", "backward_update": "multiplicative"}
    config = {"num_steps": 7, "learner": {"name": "blur_meta", "rule": rule}}
    run = bootstrap.Run(0, state, ())
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), np.asarray(leaf).dtype), run)
    return artifacts.genome(artifacts.Context(config, None, shapes, "a command")).write(run)


def test_the_text_that_a_run_leaves_has_its_best_genome():
    genomes = jax.vmap(lambda key: blur.delta_genome(key, 2))(jax.random.split(jax.random.key(1), 3))
    state = blur.meta.State(0, genomes, (), np.array([1.0, 0.2, 0.1]), np.array([0, 0, 4]), 0, 0)
    written = left(state)
    assert list(written) == ["genome.json"]
    of_genome, rule, note = blur.serialize.loads(written["genome.json"])
    chex.assert_trees_all_equal(of_genome, jax.tree.map(lambda leaf: leaf[1], genomes))  # the third is diverging
    assert rule == Rule(backward_update="multiplicative")
    assert note["command"] == "a command"
    assert '"num_steps": 7' in note["config"]


def test_the_text_of_an_evolution_has_its_mean():
    written = left(blur.evolution.State(None, GENOME, GENOME, None))
    chex.assert_trees_all_equal(blur.serialize.loads(written["genome.json"])[0], GENOME)


def test_a_learner_without_a_genome():
    with pytest.raises(ValueError, match="this learner's state holds no genome"):
        left((np.zeros(3),))
