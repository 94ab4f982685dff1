"""Alice's demonstrations to Bob: which of her steps are some, and those of whose goal the outcome is not known yet.

Letters: see `game`, and D steps of Alice's longest turn.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from self_play.game import BOB, Rules, Transition, select
from self_play.goals import Poses


class Demonstrations(NamedTuple):
    """Steps of Alice's in earlier rollouts, which taught her then, and whose goal has been resolved since, or not."""

    steps: Transition  # [.., D, ..], the latest one last; not valid where there is none
    goal: jax.Array  # [.., D, N, H] as Bob would have observed it
    is_demo: jax.Array  # [.., D] bool
    focus: jax.Array | None = None  # [.., D, N] see `world.Batch.demo_focus`


def hindsight(rules: Rules, transitions: Transition) -> tuple[Poses, jax.Array]:
    """The goal that each of Alice's steps led to, and whether the step is a demonstration.

    transitions [T, ..] of one game -> (goals [T, ..], is_demo [T] bool). A demonstration leads to a valid goal that Bob
    did not reach, because he failed or because his turn was skipped (algorithm 2); by a rule, also to a goal that he
    reached. No demonstrations are: Bob's steps, steps of a turn whose goal is not resolved within the transitions, and
    goals set to a past version of Bob.
    """
    also_reached = rules.demonstrations == "valid"

    def one(later, transition):
        goal, is_demo = later
        goal = select(transition.resolved, transition.goal, goal)
        resolved_as = transition.goal_valid & (also_reached | ~transition.success)
        is_demo = jnp.where(transition.resolved, resolved_as, is_demo)
        counts = ~transition.bobs_turn & transition.valid & ~transition.policy_input.is_past[BOB]
        return (goal, is_demo), (goal, is_demo & counts)

    unknown = jax.tree.map(lambda leaf: leaf[-1], transitions.goal), jnp.zeros((), bool)
    return jax.lax.scan(one, unknown, transitions, reverse=True)[1]


def open_turn(steps: Transition, num_steps: int) -> Transition:
    """The steps of Alice's turn whose outcome is open at the end of `steps` [T, ..] of one game. -> [num_steps, ..].

    They come last, in their order; what comes before them is not valid. num_steps: at least that of her longest turn.
    """
    index = jnp.arange(len(steps.valid))
    last_resolved = jnp.max(jnp.where(steps.resolved, index, -1))
    is_open = steps.valid & ~steps.bobs_turn & (index > last_resolved)
    latest = jnp.argsort(jnp.where(is_open, index, -1), stable=True)[-num_steps:]
    return jax.tree.map(lambda leaf: leaf[latest], steps)._replace(valid=is_open[latest])
