"""SGD as a Linen and optax example has it: a compiled call a step. Baselines are loops over it."""

from collections.abc import Callable

import flax.linen as nn
import jax
import optax


def plain_step(net: nn.Module, tx: optax.GradientTransformation) -> Callable:
    """(params, optimizer, x [B, D..], labels [B]) -> (params, optimizer, metrics), compiled."""
    forward: Callable = net.apply

    @jax.jit
    def step(params, optimizer, x, labels):
        def loss(params):
            logits = forward({"params": params}, x)
            mean = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
            return mean, {"loss": mean, "accuracy": (logits.argmax(-1) == labels).mean()}

        gradients, metrics = jax.grad(loss, has_aux=True)(params)
        updates, optimizer = tx.update(gradients, optimizer, params)
        return optax.apply_updates(params, updates), optimizer, metrics

    return step
