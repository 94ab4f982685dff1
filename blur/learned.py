"""The genome that a meta-learner has learned, from its state."""

from typing import Any

from blur import evolution, meta


def learned_genome(state: Any) -> Any:
    """The genome in the state of a learner: the best one of `meta_learner`, or the one of `evolution.learner`.

    state: of one seed. "Best" is the lowest score among the genomes that have not diverged. Evolution's is its mean, or
    with keep_start its first mean as long as that is ahead. The result has the form that `init_genome` gave it: a
    `Genome`, or a tuple of them, one for each layer. Pure, so it also works under `jax.eval_shape`. Raises ValueError
    for any other state.
    """
    if isinstance(state, meta.State):
        return meta.best_genome(state)
    if isinstance(state, evolution.State):
        return evolution.kept(state)
    raise ValueError(
        f"this learner's state holds no genome: it is of {type(state).__module__}.{type(state).__qualname__}, "
        "and blur.meta_learner and blur.evolution.learner leave one"
    )
