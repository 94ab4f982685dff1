"""Ensembles: several Learners of one kind, each from its own draw, as one whose predictions are their mean.

Letters: M members, B batch, K classes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.core import undivided


class State(NamedTuple):
    """What all members have learned."""

    members: Any  # every array starts with M


def learner(
    learner: tuple[Callable, Callable, Callable], *, num_members: int, divide: Callable = undivided
) -> tuple[Callable, Callable, Callable]:
    """A classifier of several, all of which learn every batch: (init, update, predict) of a Learner.

    predict gives log-probabilities [B, K], the logarithm of the members' mean probabilities. Metrics are the means of
    the members' own, so an error among them is that of a member, not of the ensemble.

    learner: the Learner that each member is; they differ in their keys. divide: see `bootstrap.undivided`; the axis is
    "members".
    """
    settings.check_counts(1, num_members=num_members)
    init_one, update_one, predict_one = learner

    def init(key, example):
        members = jax.vmap(init_one, in_axes=(0, None))(jax.random.split(key, num_members), example)
        return State(divide(members, "members"))

    def update(key, state, batch):
        update_all = jax.vmap(update_one, in_axes=(0, 0, None))
        members, metrics = update_all(jax.random.split(key, num_members), state.members, divide(batch, None))
        return State(divide(members, "members")), jax.tree.map(partial(jnp.mean, axis=0), metrics)

    def predict(state, x):
        of_members = divide(jax.vmap(predict_one, in_axes=(0, None))(state.members, x), None)
        return jax.nn.logsumexp(of_members, axis=0) - jnp.log(num_members)

    return init, update, predict
