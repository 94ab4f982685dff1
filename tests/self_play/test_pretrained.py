"""Players that come with the package; how they are kept is tested in tests/experiments/test_artifacts.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from experiments import registry
from experiments.configs import self_play_blocks
from self_play import c_mujoco, exams, holdouts


@pytest.mark.skipif(not c_mujoco.available(), reason="the physics kernel was not built: no C++ compiler")
def test_the_shipped_bob_pushes_at_his_own_table():
    player, table = self_play.load("one")

    @jax.jit
    def solved(key):
        return exams.success_rate(table, holdouts.HOLDOUTS["push_1"], player, key, num_games=8, bob_steps=100)

    assert solved(jax.random.key(7)) > 0.8


def test_another_learner_begins_with_the_shipped_players():
    """As `self_play_blocks:two_attention` does: what is fresh aside, its parameters are theirs."""
    config = self_play_blocks.get_config("two_attention").to_dict()
    of = config["learner"]
    settings = {name: value for name, value in config["world"].items() if name != "name"}
    data, begin, draw = self_play.arena(**{**settings, "num_games": 4, "num_steps": 15})
    learner = registry.build("learner", of | {"learner": of["learner"] | {"learning_rate": 1e-3}})
    games = jax.eval_shape(begin, jax.random.key(0), data)
    example = jax.eval_shape(lambda games: draw(jax.random.key(0), data, games, None)[1], games)
    example = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), example)
    params = jax.jit(learner.init)(jax.random.key(0), example).params["params"]
    shipped = self_play.pretrained.arrays("one")
    for net, layer in (("policy", "Dense_0"), ("policy", "answer"), ("value", "Dense_2")):
        np.testing.assert_array_equal(params[net][layer]["kernel"], shipped[f"params/params/{net}/{layer}/kernel"])
    assert params["value"]["Dense_1"]["kernel"].shape == (2, 24, 64)


def test_an_unknown_player_is_named():
    with pytest.raises(ValueError, match=r"no pretrained player named 'nobody'; there are one"):
        self_play.load("nobody")
