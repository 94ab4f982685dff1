"""The genome that a meta-learner has learned, from its state."""

from typing import Any

from blur import evolution, meta, persistent


def learned_genome(state: Any) -> Any:
    """The genome in the state of a learner: `meta_learner`'s best one, the mean of `evolution` and of `persistent`.

    state: of one seed. "Best" is the lowest score among the genomes that have not diverged. With keep_start evolution's
    is its first mean as long as that is ahead. The result has the form that `init_genome` gave it: a `Genome`, or a
    tuple of them, one for each layer. Pure, so it also works under `jax.eval_shape`. Raises ValueError for any other
    state.
    """
    if isinstance(state, meta.State):
        return meta.best_genome(state)
    if isinstance(state, evolution.State):
        return evolution.kept(state)
    if isinstance(state, persistent.State):
        return state.mean
    raise ValueError(
        f"this learner's state holds no genome: it is of {type(state).__module__}.{type(state).__qualname__}, "
        "and blur.meta_learner, blur.evolution.learner and blur.persistent.learner leave one"
    )
