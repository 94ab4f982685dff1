"""Genomes by name and by path, and the text that a run leaves."""

import chex
import jax
import numpy as np
import pytest

import blur
import bootstrap
from blur.rule import Rule
from experiments import artifacts, data, learners

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


def test_genes_and_options_in_place_of_its_own():
    """As the same genome and rule, changed by hand; of a genome for each layer, in all of them."""
    genome, rule = data.genome("muon")
    instead = {"synapse": {"momentum": None, "age": {"power": 0.5}}, "rule": {"change_norm": "layer"}}
    age = genome.synapse.age._replace(power=np.float32(0.5))
    changed = genome._replace(synapse=genome.synapse._replace(momentum=None, age=age))
    batch = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32), np.arange(8) % 3

    def after(learner):
        init, update, _ = learner
        return update(jax.random.key(1), init(jax.random.key(0), batch), batch)[0]

    expected = after(blur.learner(changed, (4, 3), rule=rule._replace(change_norm="layer")))
    chex.assert_trees_all_close(after(learners.blur("muon", (4, 3), instead=instead)), expected, rtol=1e-6)
    for wrong, message in (
        ({"synapse": {"speed": 1}}, r"instead\.synapse: nothing is named 'speed' here; there are pre, post, "),
        ({"rule": {"norm": "layer"}}, r"instead\.rule: nothing is named 'norm' here; there are activation, "),
        ({"neuron": {"keep": {"much": 1}}}, r"instead\.neuron\.keep: nothing is named 'much' here; there are none"),
        ({"rule": {"change_norm": "nope"}}, "change_norm must be one of "),
    ):
        with pytest.raises(ValueError, match=message):
            learners.blur("muon", (4, 3), instead=wrong)


def test_a_warm_start_may_get_genes_of_size(tmp_path):
    key = jax.random.key(0)
    chex.assert_trees_all_equal(learners.warm_genome(key, genome="muon"), data.genome("muon")[0])
    sized = blur.genome.with_size(data.genome("muon")[0])
    chex.assert_trees_all_equal(learners.warm_genome(key, genome="muon", sized=True), sized)
    own = learners.warm_genome(key, genome="lasting", sized=True)  # it has some: they stay
    chex.assert_trees_all_equal(own, data.genome("lasting")[0])
    path = tmp_path / "layers.json"
    path.write_text(blur.serialize.dumps((GENOME, GENOME), Rule(), {}))
    of_layers = learners.warm_genome(key, genome=str(path), sized=True)
    chex.assert_trees_all_equal(of_layers, (blur.genome.with_size(GENOME),) * 2)


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
