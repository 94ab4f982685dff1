"""The genomes that come with the package: whole, with the command that made each, and able to teach."""

import json
import pkgutil

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import blur
import bootstrap
from experiments import data

# The least test accuracy on digits after 20 steps of 128, of a (64, 10) network. Guessing is 0.1.
LEAST = {
    "backprop": 0.3,
    "cmaes": 0.55,
    "digits": 0.88,
    "lasting": 0.9,
    "mnist": 0.85,
    "muon": 0.9,
    "nudged": 0.9,
    "toy": 0.3,
}


@pytest.fixture(params=blur.pretrained.names())
def name(request):
    return request.param


def test_it_is_whole_and_says_what_made_it(name):
    genome, rule, note = blur.pretrained.load(name)
    assert blur.serialize.dumps(genome, rule, note) == (blur.pretrained._FOLDER / f"{name}.json").read_text()
    assert note["command"]
    if name not in ("backprop", "muon", "nudged"):
        assert note["command"].startswith("python -m launch.train --config=experiments/configs/")
        assert json.loads(note["config"])["learner"]["sizes"]


def test_backprop_is_the_one_in_the_code():
    genome, rule, _ = blur.pretrained.load("backprop")
    chex.assert_trees_all_equal(genome, blur.backprop_genome(0.1))
    assert rule == blur.backprop_rule("relu")


@pytest.mark.parametrize(("name", "made"), [("muon", "optimisers.lasting"), ("nudged", "nudged.by_hand")])
def test_those_by_hand_are_the_ones_in_the_code(name, made):
    genome, rule, note = blur.pretrained.load(name)
    by_hand, of_hand = pkgutil.resolve_name(f"blur.{made}")()
    chex.assert_trees_all_equal(genome, by_hand)
    assert (rule, note["command"]) == (of_hand, f"blur.{made}()")


def test_it_teaches(name):
    genome, rule, _ = blur.pretrained.load(name)
    learner = bootstrap.Learner(*blur.learner(genome, (64, 10), rule=rule))
    digits = data.digits(None)
    world = bootstrap.real(*digits.train, batch_size=128)

    @jax.jit
    def taught(arrays, x):
        here, key = bootstrap.World(arrays, world.init, world.draw), jax.random.key(0)
        run, _ = bootstrap.advance(key, learner, here, bootstrap.begin(key, learner, here), 20)
        return learner.predict(run.learner, x)

    accuracy = np.mean(np.array(taught(world.data, jnp.array(digits.test.x)).argmax(-1)) == digits.test.y)
    assert accuracy >= LEAST[name]


def test_the_toy_genome_learns_tasks_that_it_never_saw():
    """Ten batches of 128, in networks of the width and the first synapses that it knew; guessing is 0.5 to 0.64."""
    genome, rule, note = blur.pretrained.load("toy")
    learned = json.loads(note["config"])["learner"]
    unseen = [blur.toys.FAMILIES[name] for name in ("nxor", "triangle", "square")]
    assert not {"nxor", "triangle", "square"} & set(json.loads(note["config"])["world"]["families"])
    _, init, draw = blur.tasks(unseen, unroll=10, batch_size=128, num_tasks=12)

    @jax.jit
    def accuracies():
        _, (inputs, labels) = draw(jax.random.key(0), (), init(jax.random.key(1), ()), None)

        def one(key, inputs, labels):
            return blur.adapt(key, genome, inputs, labels, learned["sizes"], rule=rule, scale=learned["scale"])

        logits = jax.vmap(one)(jax.random.split(jax.random.key(2), 12), inputs, labels)
        return (logits.argmax(-1) == labels).mean(-1).reshape(4, 3, 11).mean(0)

    of_tasks = np.array(accuracies())
    assert (of_tasks[:, 0] < 0.7).all()
    assert (of_tasks[:, -1] > 0.8).all(), of_tasks[:, -1]
