"""Alice behavioural cloning (OpenAI et al. 2021, §3.2): Bob learns what Alice did, before a goal that he failed at."""

import jax
import jax.numpy as jnp


def cloning_loss(
    log_prob: jax.Array, old_log_prob: jax.Array, *, clip: float | None, literal: bool = False
) -> jax.Array:
    """The loss of one step of a demonstration, [] -> []: -min(r, 1 + clip), r = exp(log_prob - old_log_prob).

    It is the clipped surrogate with an advantage of 1, as the paper's text has it. r is of Alice's joint action, in
    Bob's policy now and when the demonstration was made, before the goal she reached. clip: the paper's ε, 0.2; None
    does not clip (figure 9's ablation). literal: the paper's printed formula, -clip(r, 1 - ε, 1 + ε), which is flat
    below 1 - ε too: an action that other losses made a little less likely is never cloned again.
    """
    ratio = jnp.exp(log_prob - old_log_prob)
    if clip is None:
        return -ratio
    return -jnp.clip(ratio, 1 - clip, 1 + clip) if literal else -jnp.minimum(ratio, 1 + clip)
