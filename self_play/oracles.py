"""Scripted Bobs: what a task is worth to somebody who knows how. An exam shows Bob between chance and these.

A script reads what Bob reads, and answers as he does: (PolicyInput [B, ..]) -> logits [B, 2, A, NUM_BINS]. It remembers
nothing: each step it looks where things are.

Lengths in m, angles in rad.
"""

import functools

import jax
import jax.numpy as jnp

from self_play.game import PolicyInput
from self_play.robots import GRIPPER, PUSHER
from self_play.tabletop import NUM_BINS


def _logits(actions):
    """Nearly certain of actions in -1 to 1 [B, A] -> [B, 2, A, NUM_BINS]."""
    places = jnp.linspace(-1, 1, NUM_BINS)
    logits = -1e3 * (jnp.clip(actions, -1, 1)[:, :, None] - places[None, None]) ** 2
    return jnp.repeat(logits[:, None], 2, axis=1)


def pusher(policy_input: PolicyInput) -> jax.Array:
    """Of one puck: goes round behind it, seen from its goal, and pushes."""
    (gripper, objects, _), puck_goal = policy_input.observation, policy_input.goal[:, 0]
    puck, way = objects[:, 0], puck_goal[:, 2:]
    distance = jnp.linalg.norm(way, axis=-1, keepdims=True)
    along = way / jnp.maximum(distance, 1e-6)
    side = jnp.stack([-along[:, 1], along[:, 0]], axis=-1)
    offset = gripper[:, :2] + gripper[:, 4:6] - puck[:, :2]  # where it is told to be
    behind = -jnp.sum(offset * along, axis=-1, keepdims=True)
    beside = jnp.sum(offset * side, axis=-1, keepdims=True)
    # First aside, then back, then behind; then forward, more slowly the nearer, as the puck glides on.
    aside = jnp.where(beside >= 0, 0.08, -0.08) * side - behind * along
    back = beside * side - 0.08 * along
    wish = jnp.where(behind > 0.03, -0.06 * along, jnp.where(jnp.abs(beside) < 0.07, aside, back))
    pushing = (behind > 0.02) & (jnp.abs(beside) < 0.025)
    step = jnp.where(pushing, along * jnp.clip(0.3 * distance, 0.0, 0.03) - beside * side, wish - offset)
    return _logits(step / PUSHER.scale[0])


OPEN, SHUT = 0.044, 0.0  # places of a finger
GAIN = 1.2  # of what is left to do, a step; half a bin is 4 mm then
STEP, _, _, TURN, FINGER_STEP = GRIPPER.scale  # of a full action


def gripper(policy_input: PolicyInput) -> jax.Array:
    """Of objects that fingers grasp: tips over what must be tipped, then takes each to its goal, the lowest goal first.

    It pushes, lifts and flips one object; of several it mostly fails, see LOG.md.
    """
    (hand, objects, mask), goal = policy_input.observation, policy_input.goal
    return _logits(jax.vmap(_gripper)(hand, objects, mask, goal))


def _gripper(hand, objects, mask, goal):
    """One game. -> action [A] in -1 to 1."""
    needs = mask & ((_length(goal[:, 9:12]) > 0.015) | (_length(goal[:, 12:15]) > 0.12))
    which = jnp.argmin(jnp.where(needs, goal[:, 2], jnp.inf))
    one, of_goal = objects[which], goal[which]
    must_tip = jnp.hypot(*of_goal[12:14]) > 0.5
    is_held = jnp.all(one[18:20] > 0) & (_length(one[15:18]) < 0.03)
    move, turn, fingers = jax.tree.map(
        lambda tips, carries, grasps: jnp.where(must_tip, tips, jnp.where(is_held, carries, grasps)),
        _tip(hand, one, of_goal),
        _carry(one, of_goal),
        _grasp(hand, one),
    )
    told = hand[11:16]  # target - joint
    turn, fingers = turn - told[3], fingers - hand[5] - told[4]
    return jnp.concatenate([GAIN * (move - told[:3]) / STEP, GAIN * turn[None] / TURN, fingers[None] / FINGER_STEP])


def _grasp(hand, one):
    """Goes over the object, turns as it is turned, comes down around it, and shuts. -> (move, turn, fingers)."""
    to, fingers = one[15:18], hand[5]
    away, turn = jnp.hypot(*to[:2]), _turn_to(hand, one)
    is_open = fingers > 0.035
    is_over, is_around = (away < 0.012) & (jnp.abs(turn) < 0.12), (away < 0.015) & (jnp.abs(to[2]) < 0.012)
    rises = (to[2] > -0.07) & (away > 0.03)  # it is too low to move aside
    over = jnp.append(jnp.where(rises, 0.0, to[:2]), to[2] + 0.09)
    down = to.at[2].set(jnp.maximum(to[2], -0.04))
    move = jnp.where(is_around | (is_over & is_open), down, over)
    move = jnp.where(is_open | is_around | ~rises, move, 0.0)  # opens where it is
    return move, turn, jnp.where(is_around, SHUT, OPEN)


def _carry(one, goal):
    """Lifts what is held, over what may stand there, and lowers it to its goal. -> (move, turn, fingers)."""
    way, height = goal[9:12], jnp.minimum(goal[2] + 0.07, 0.24)
    is_far, is_high = jnp.hypot(*way[:2]) > 0.02, one[2] > height - 0.03
    move = jnp.append(jnp.where(is_high | ~is_far, way[:2], 0.0), jnp.where(is_far, height - one[2], way[2]))
    return move, goal[14], jnp.asarray(SHUT)


def _tip(hand, one, goal):
    """Pushes the object's upper edge, with shut fingers, the way it must fall. -> (move, turn, fingers)."""
    axis = goal[12:14] / jnp.maximum(jnp.hypot(*goal[12:14]), 1e-6)
    ahead = jnp.array([axis[1], -axis[0]])  # in which the top goes
    to = one[15:18]
    along, beside = to[:2] @ ahead, to[0] * axis[0] + to[1] * axis[1]
    behind = to[:2] - 0.065 * ahead
    height = to[2] + 0.031
    in_lane = (jnp.abs(beside) < 0.012) & (along > 0.0) & (along < 0.09)
    is_near = in_lane & (jnp.abs(height) < 0.025)
    rises = (to[2] > -0.07) & ~in_lane
    there = jnp.append(jnp.where(rises, 0.0, behind), to[2] + 0.1)
    down = jnp.append(jnp.where(along > 0.05, behind, 0.0), height)
    push = jnp.append(jnp.where(jnp.abs(height) < 0.008, 0.01, 0.0) * ahead + beside * axis, height)
    move = jnp.where(is_near, push, jnp.where(in_lane & (along > 0.05), down, there))
    return move, _turn_to(hand, one), jnp.asarray(SHUT)


def _turn_to(hand, one):
    """How the hand must turn to be along a pair of the object's sides."""
    x, y = one[jnp.array([3, 5])], one[jnp.array([4, 6])]  # its axes, seen from above
    level = jnp.where(_length(x) > 0.5, x, y)
    off = jnp.arctan2(level[1], level[0]) - jnp.arctan2(hand[4], hand[3])
    return off - jnp.pi / 2 * jnp.round(off / (jnp.pi / 2))


_length = functools.partial(jnp.linalg.norm, axis=-1)
