"""Cross-play: who meets whom, on a table without physics, whose puck goes where actions say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import self_play
from self_play.game import Rules
from self_play.opponents import OpponentPool
from self_play.ppo_learner import State


def puck_goes_where_actions_say():
    table = self_play.tabletop.build(self_play.scene.pucks())
    place = len(table.scene.drive.driven_by)  # of the puck's x and y in q
    return table._replace(step=lambda state, action: state._replace(q=state.q.at[place:].add(0.01 * (action - 5))))


def predict(state, policy_input):
    """Of weight 0, or with normalizer 0, a player stands still; else Alice moves the puck in x, and Bob to its goal."""
    to_goal = jnp.clip(policy_input.goal[:, 0, 2:4] / 0.01, -5, 5)
    wish = jnp.stack([jnp.broadcast_to(jnp.array([5.0, 0.0]), to_goal.shape), to_goal], axis=1)
    wish = 5 + state.normalizers * state.params["w"][None, :, None] * wish
    return -50 * (wish[..., None] - jnp.arange(11.0)[None, None, None]) ** 2, policy_input.memory


def test_alices_are_rows_and_bobs_columns():
    rules = Rules(2, 6, 1, past_prob=1.0, bob_head_starts=1.0)
    setup = self_play.Setup(puck_goes_where_actions_say(), rules, 4, 20, 0, 0, 1)
    versions = {"w": jnp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])}, jnp.array([0.0, 1.0, 1.0])

    @jax.jit
    def play(key):
        return self_play.play_versions(setup, predict, versions, key)

    reached, tried = (np.array(leaf) for leaf in play(jax.random.key(0)))
    assert reached.shape == tried.shape == (3, 3)
    assert not tried[0].any()  # goals of an Alice who stands still are not valid
    assert (tried[1:] > 0).all()
    assert not reached[:, :2].any()
    np.testing.assert_array_equal(reached[1:, 2], tried[1:, 2])


def test_the_present_version_is_the_last():
    kept = {"w": jnp.array([[4.0, 1.0], [8.0, 2.0], [-1.0, -1.0]])}, jnp.array([4.0, 8.0, -1.0])  # the third is empty
    state = State({"w": jnp.array([0.0, 3.0])}, (), jnp.float32(5.0), OpponentPool(jnp.int32(4), kept, jnp.int32(0)))
    (params, normalizers), updates = self_play.versions_of(state, pool_every=2)
    np.testing.assert_array_equal(params["w"], [[4.0, 1.0], [8.0, 2.0], [0.0, 3.0]])
    np.testing.assert_array_equal(normalizers, [4.0, 8.0, 5.0])
    assert updates == [1, 3, 4]
    with pytest.raises(ValueError, match="the learner keeps no past versions: set its pool_size"):
        self_play.versions_of(state._replace(pool=None), pool_every=2)
