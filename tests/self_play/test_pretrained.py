"""Players that come with the package; how they are kept is tested in tests/experiments/test_artifacts.py."""

import jax
import numpy as np
import pytest

import self_play
from experiments import data
from self_play import c_mujoco, exams, holdouts


@pytest.mark.skipif(not c_mujoco.available(), reason="the physics kernel was not built: no C++ compiler")
def test_the_shipped_bob_pushes_at_his_own_table():
    player, table = self_play.load("one")

    @jax.jit
    def solved(key):
        return exams.success_rate(table, holdouts.HOLDOUTS["push_1"], player, key, num_games=8, bob_steps=100)

    assert solved(jax.random.key(7)) > 0.8


def test_their_parameters_are_a_start_for_other_learners():
    """As `self_play_blocks:two` has it; that all fit is seen where every config is taken to its first step."""
    shipped, arrays = self_play.pretrained.arrays("one"), data.parameters("one")
    assert {*shipped} - {*arrays} == {"settings"}
    np.testing.assert_array_equal(*(of["params/params/policy/answer/kernel"] for of in (shipped, arrays)))


def test_an_unknown_player_is_named():
    with pytest.raises(ValueError, match=r"no pretrained player named 'nobody'; there are one"):
        self_play.load("nobody")
