"""Is a rule a gradient? That of a loss has a symmetric Jacobian, the loss's Hessian (Sandler 2021, §3.5, figure 2).

Letters: B batch, D inputs, M classes, W forward synapses.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from blur import network
from blur.genome import Genome
from blur.network import Layers
from blur.rule import Rule


def jacobian(
    genome: Genome | Sequence[Genome], synapses: Layers, inputs: jax.Array, targets: jax.Array, *, rule: Rule
) -> jax.Array:
    """∂Δ_k / ∂w_m of the changes Δ that a step makes to the forward synapses w. -> [W, W].

    inputs [B, D], targets [B, M] in {0, 1}. Backward synapses, where there are some, stay as they are.
    """
    weights, unravel = ravel_pytree([of_layer.forward for of_layer in synapses])

    def changes(weights):
        begun = [
            of_layer._replace(forward=forward) for of_layer, forward in zip(synapses, unravel(weights), strict=True)
        ]
        after, _, _ = network.step(genome, begun, inputs, targets, rule=rule)
        return ravel_pytree([of_layer.forward for of_layer in after])[0] - weights

    return jax.jacrev(changes)(weights)


def asymmetry(jacobian: jax.Array) -> jax.Array:
    """What fraction of a Jacobian [W, W] is antisymmetric, by Frobenius norm, []: 0 of a gradient, 1 of a rotation."""
    return jnp.linalg.norm(jacobian - jacobian.T) / (2 * jnp.linalg.norm(jacobian))
