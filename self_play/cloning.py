"""Alice behavioural cloning (OpenAI et al. 2021, §3.2): Bob imitates Alice's steps towards a goal that he missed."""

import jax
import jax.numpy as jnp


def cloning_loss(log_prob: jax.Array, old_log_prob: jax.Array, *, clip: float | None) -> jax.Array:
    """The loss of one step of a demonstration, [] -> []: -min(r, 1 + clip), r = exp(log_prob - old_log_prob).

    This is PPO's clipped surrogate with an advantage of 1, as the paper's text describes it. Both log-probabilities are
    of Alice's joint action given the goal that she reached: under Bob's policy now, and under Bob's policy when the
    rollout was made. clip: the paper's ε, 0.2; None does not clip (the ablation of figure 9).

    The paper's printed formula, -clip(r, 1 - ε, 1 + ε), is flat below 1 - ε too: with it, an action that other losses
    have made a little less likely would never be cloned again.
    """
    ratio = jnp.exp(log_prob - old_log_prob)
    return -ratio if clip is None else -jnp.minimum(ratio, 1 + clip)
