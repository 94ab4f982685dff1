"""The object that players look at, by hand."""

import jax
import jax.numpy as jnp
import numpy as np

from self_play import game, scene, tabletop, training_data
from self_play.game import ALICE, BOB, EpisodeStart
from self_play.goals import Poses

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
    def look(goal, bobs_turn):
        seen = game.observe(table, begun._replace(goal=begun.goal._replace(position=goal), bobs_turn=bobs_turn))
        normalizers = training_data.init_normalizers(
            training_data.Inputs(*seen.observation[:2], seen.goal, *4 * [None])
        )
        return [training_data.inputs_of(normalizers, seen, seen.goal, who).mask for who in (ALICE, BOB)]

    first, second, both = [True, False, False], [False, True, False], [True, True, False]
    for goal, his, expected in (
        (THERE, True, first),
        (THERE.at[0].set(HERE[0]), True, second),  # the first is at its goal
        (THERE.at[0, 2].add(0.1), True, second),  # and here its goal is the higher one
        (HERE, True, both),  # all are at their goals
        (THERE.at[0].set(HERE[0]), False, first),  # Alice does not look at goals
    ):
        for mask in look(goal, jnp.bool_(his)):
            np.testing.assert_array_equal(mask, expected)
