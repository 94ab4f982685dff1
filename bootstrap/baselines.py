"""Baselines: several Learners in one World, on the very same batches."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from bootstrap.core import Learner


class State(NamedTuple):
    """What all of them have learned."""

    learner: Any
    baselines: dict[str, Any]


def beside(learner: Learner, baselines: Mapping[str, Learner]) -> Learner:
    """A Learner that is `learner` to the outside, with baselines beside it that learn from the batches it sees.

    Its metrics are those of `learner`, and those of each baseline under `NAME/`.
    """
    everyone = (learner, *baselines.values())

    def init(key, example):
        first, *others = (
            one.init(k_one, example) for one, k_one in zip(everyone, jax.random.split(key, len(everyone)), strict=True)
        )
        return State(first, dict(zip(baselines, others, strict=True)))

    def update(key, state, batch):
        states = (state.learner, *(state.baselines[name] for name in baselines))
        keys = jax.random.split(key, len(everyone))
        (first, metrics), *others = (
            one.update(k_one, of_one, batch) for one, k_one, of_one in zip(everyone, keys, states, strict=True)
        )
        for name, (_, of_baseline) in zip(baselines, others, strict=True):
            metrics = metrics | {f"{name}/{metric}": value for metric, value in of_baseline.items()}
        return State(first, {name: state for name, (state, _) in zip(baselines, others, strict=True)}), metrics

    def predict(state, inputs):
        return learner.predict(state.learner, inputs)

    return Learner(init, update, predict)
