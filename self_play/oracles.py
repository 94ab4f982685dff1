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
    puck, way = objects[:, 0], puck_goal[:, 2:4]
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
    """Of objects that fingers grasp: tips over what must be tipped, takes each to its goal, the lowest goal first.

    What lies on it, or where it should go, it first takes to its own goal, or aside.
    """
    (hand, objects, mask), goal = policy_input.observation, policy_input.goal
    return _logits(jax.vmap(_gripper)(hand, objects, mask, goal))


def _gripper(hand, objects, mask, goal):
    """One game. -> action [A] in -1 to 1."""
    is_held = mask & jnp.all(objects[:, 21:23] > 0, axis=1) & (_length(objects[:, 15:18]) < 0.03)
    done = ~mask | _is_done(goal, is_held)
    which, has_way = _errand(objects, mask, goal, is_held, done)
    one, of_goal, others = objects[which], goal[which], mask & (jnp.arange(len(mask)) != which)
    way = jnp.where(has_way, of_goal[9:12], _aside(one, objects, goal, others) - one[:3])
    must_tip = has_way & (jnp.hypot(*of_goal[12:14]) > 0.5)
    lets_go = (_length(way) < 0.015) & jnp.any(~done & others)
    tallest = jnp.max(jnp.where(others, objects[:, 2], 0.0))
    move, turn, fingers = jax.tree.map(
        lambda tips, carries, grasps: jnp.where(must_tip, tips, jnp.where(is_held[which], carries, grasps)),
        _tip(hand, one, of_goal),
        _carry(one, way, jnp.where(has_way, of_goal[14], 0.0), tallest, lets_go),
        _grasp(hand, one),
    )
    told = hand[11:16]  # target - joint
    turn, fingers = turn - told[3], fingers - hand[5] - told[4]
    return jnp.concatenate([GAIN * (move - told[:3]) / STEP, GAIN * turn[None] / TURN, fingers[None] / FINGER_STEP])


def _is_done(goal, is_held):
    """Which objects [N] are at their goals; of what is held it is asked more."""
    return (_length(goal[:, 9:12]) < jnp.where(is_held, 0.015, 0.025)) & (
        _length(goal[:, 12:15]) < jnp.where(is_held, 0.12, 0.17)
    )


def _errand(objects, mask, goal, is_held, done):
    """-> (which object comes next: what is held, or else what can be; whether the way to its goal is free)."""
    place, aim = objects[:, :3], goal[:, :3]
    others = mask[None] & ~jnp.eye(len(mask), dtype=bool)  # [i, j]: j is another one than i
    lies_on = others & (_apart(place, place) < 0.045) & (place[None, :, 2] - place[:, None, 2] > 0.03)
    is_below = others & (_apart(aim, aim) < 0.045) & (aim[:, None, 2] - aim[None, :, 2] > 0.03)
    stands_there = others & (_apart(aim, place) < 0.075) & ~(is_below & done[None]) & ~is_held[None]
    is_free = ~jnp.any(stands_there | (is_below & ~done[None]), axis=1)
    can_go = is_free & ~jnp.any(lies_on, axis=1)
    near_first = jnp.where(can_go, 0.05 * _length(objects[:, 15:18]), 1.0)  # of those that cannot, ever the same one
    first = jnp.argmin(jnp.where(done, jnp.inf, aim[:, 2] + near_first))
    blocking = lies_on[first] | stands_there[first]
    topmost = jnp.argmax(jnp.where(blocking, place[:, 2], -jnp.inf))
    which = jnp.where(jnp.any(blocking), topmost, first)
    which = jnp.where(jnp.any(is_held), jnp.argmax(is_held), which)
    return which, is_free[which]


def _aside(one, objects, goal, others):
    """The nearest place [3] on the table where no other object is, and no goal."""
    x, y = jnp.meshgrid(*2 * [jnp.linspace(-0.225, 0.225, 4)])
    spots = jnp.stack([x.ravel(), y.ravel()], axis=-1)
    taken = jnp.concatenate([objects[:, :2], goal[:, :2]])
    counts = jnp.concatenate([others, jnp.any(goal != 0, axis=1)])
    is_near = jnp.any((_apart(spots, taken) < 0.11) & counts[None], axis=1)
    nearest = jnp.argmin(_apart(spots, one[None, :2])[:, 0] + 10.0 * is_near)
    return jnp.append(spots[nearest], 0.03)


def _apart(a, b):
    """Horizontal distances of places [I, 2 or 3] and [J, 2 or 3] -> [I, J]."""
    return _length(a[:, None, :2] - b[None, :, :2])


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


def _carry(one, way, turn, tallest, lets_go):
    """Lifts what is held, over what may stand there, lowers it where it goes, and opens. -> (move, turn, fingers)."""
    height = jnp.minimum(jnp.maximum(one[2] + way[2], tallest) + 0.07, 0.24)
    is_far, is_high = jnp.hypot(*way[:2]) > 0.02, one[2] > height - 0.03
    move = jnp.append(jnp.where(is_high | ~is_far, way[:2], 0.0), jnp.where(is_far, height - one[2], way[2]))
    return jnp.where(lets_go, 0.0, move), jnp.where(lets_go, 0.0, turn), jnp.where(lets_go, OPEN, SHUT)


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
    rise = jnp.where(jnp.any(one[21:23] > 0), 0.02, 0.0)  # with the side that it pushes: friction would hold that down
    push = jnp.append(jnp.where(height > -0.02, 0.01, 0.0) * ahead + beside * axis, height + rise)
    move = jnp.where(is_near, push, jnp.where(in_lane & (along > 0.05), down, there))
    return move, _turn_to(hand, one), jnp.asarray(SHUT)


def _turn_to(hand, one):
    """How the hand must turn to be along a pair of the object's sides."""
    x, y = one[jnp.array([3, 5])], one[jnp.array([4, 6])]  # its axes, seen from above
    level = jnp.where(_length(x) > 0.5, x, y)
    off = jnp.arctan2(level[1], level[0]) - jnp.arctan2(hand[4], hand[3])
    return off - jnp.pi / 2 * jnp.round(off / (jnp.pi / 2))


_length = functools.partial(jnp.linalg.norm, axis=-1)
