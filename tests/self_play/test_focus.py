"""The object that players look at, by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from self_play import game, networks, scene, tabletop, training_data, world
from self_play.game import ALICE, BOB, EpisodeStart, Rules
from self_play.goals import MAX_DISTANCE, Poses

UPRIGHT = [1.0, 0.0, 0.0, 0.0]
HERE = jnp.array([[0.0, 0.1, 0.0254], [0.0, -0.2, 0.0254], [0.0, 0.0, 0.0]])  # two blocks; the third slot is empty
THERE = HERE.at[:, 0].add(0.3)


def test_the_object_to_look_at():
    """The gripper is over the table's centre: the first block is nearer, the second is 0.2 m away."""
    table = tabletop.build(scene.blocks(2, num_slots=3, focus=True))
    joints = jnp.array(table.scene.robot.start).at[:2].set(0.0)
    start = table.place(joints, Poses(HERE, jnp.tile(jnp.array(UPRIGHT), (3, 1))), jnp.array([True, True, False]))
    begun = game.begin(table, EpisodeStart(start, jnp.zeros(2, bool), None), 0)

    @jax.jit
    def look(goal, bobs_turn, held):
        state = start._replace(touch=start.touch.at[0, 1].set(held))  # a finger is at the first block
        one = begun._replace(state=state, goal=begun.goal._replace(position=goal), bobs_turn=bobs_turn)
        seen = game.observe(table, one)
        normalizers = training_data.init_normalizers(
            training_data.Inputs(*seen.observation[:2], seen.goal, *4 * [None])
        )
        return [training_data.inputs_of(normalizers, seen, seen.goal, who).mask for who in (ALICE, BOB)]

    first, second, both = [True, False, False], [False, True, False], [True, True, False]
    at_edge = THERE.at[0].set(HERE[0] + jnp.array([0.75 * MAX_DISTANCE, 0, 0]))
    for goal, his, held, expected in (
        (THERE, True, False, first),
        (THERE.at[0].set(HERE[0]), True, False, second),  # the first is at its goal
        (THERE.at[0].set(HERE[0]), True, True, second),  # and may be let go
        (at_edge, True, False, second),  # it is near enough
        (at_edge, True, True, first),  # but not while it is held
        (THERE.at[0, 2].add(0.1), True, False, second),  # and here its goal is the higher one
        (HERE, True, False, both),  # all are at their goals
        (THERE.at[0].set(HERE[0]), False, False, first),  # Alice does not look at goals
    ):
        for mask in look(goal, jnp.bool_(his), jnp.bool_(held)):
            np.testing.assert_array_equal(mask, expected)


def test_a_demonstration_looks_at_what_bob_would():
    """Alice moves the first puck alone; of the goal that she led to the second one asks nothing."""
    table = tabletop.build(scene.pucks(2, focus=True))
    table = table._replace(step=lambda state, action: state._replace(q=state.q.at[2:4].add(0.01 * (action - 5))))
    rules, player = Rules(6, 4, 2, whole_turns=True), networks.Player(2, embedding=4, widths=())

    @jax.jit
    def draw(key, state):
        return world.play(table, rules, 25, lambda seen: (jnp.zeros((16, 2, 2, 11)), seen.memory), key, state)

    @jax.jit
    def prepare(key, batch):
        seen = jax.tree.map(lambda leaf: leaf[0, 0], batch.transitions.policy_input)
        inputs = networks.Inputs(*seen.observation[:2], seen.goal, seen.focus, jnp.zeros(2), seen.goal, seen.episode)
        params = jax.vmap(lambda key: player.init(key, inputs, None))(jax.random.split(key, 2))
        normalizers, settings = training_data.init_normalizers(inputs), {"discount": 1.0, "gae_lambda": 1.0}
        return training_data.prepare(player, params, normalizers, batch, bptt_length=1, num_parts=1, **settings)[0]

    k_init, k_first, k_second, k_player = jax.random.split(jax.random.key(0), 4)
    state, _ = draw(k_first, jax.jit(lambda key: world.init_games(table, rules, 0, key, 16))(k_init))
    _, batch = draw(k_second, state)
    batch, data = jax.tree.map(np.array, (batch, prepare(k_player, batch)))
    parts = (batch.transitions, batch.demo_goal, batch.is_demo), batch.earlier[:3]
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), parts)
    seen, goal, is_demo = jax.tree.map(lambda *leaves: np.concatenate(leaves), *flat)
    masks = data.inputs.mask[:, :, 0]
    away = np.linalg.norm(goal[:, 0, 2:4], axis=-1)[is_demo]
    assert min(np.sum(away > MAX_DISTANCE), np.sum(away <= MAX_DISTANCE)) > 10
    np.testing.assert_array_equal(data.demo_mask[BOB, :, 0], is_demo)
    expected = np.stack([np.ones_like(away, bool), away <= MAX_DISTANCE], axis=1)  # at their goals, both are looked at
    np.testing.assert_array_equal(masks[BOB][is_demo], expected)
    own = np.where(seen.bobs_turn[:, None], masks[BOB], masks[ALICE])[seen.valid]
    np.testing.assert_array_equal(own, seen.policy_input.focus[seen.valid])
