"""Is a rule a gradient? That of a loss has a symmetric Jacobian, the loss's Hessian (Sandler 2021, §3.5, figure 2).

Letters: B batch, D inputs, J Jacobians, M classes, R metrics, W forward synapses.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
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


def metrics(jacobians: jax.Array, *, tolerance: float = 1e-4) -> np.ndarray:
    """A basis of the symmetric G for which G times each of the Jacobians is symmetric. [J, W, W] -> [R, W, W].

    If a step is -G⁻¹ times a gradient, by one metric G everywhere, then G times its Jacobian is a Hessian (App. A). So
    where no sum of the basis is positive definite, the rule is no gradient descent in any constant metric. Of SGD the
    identity is one. tolerance: of the antisymmetric part, beside the greatest there is. Time and memory grow as W⁶, W⁴.
    """
    num_synapses = jacobians.shape[1]
    upper = np.triu_indices(num_synapses)
    symmetric = np.zeros((len(upper[0]), num_synapses, num_synapses))
    every = np.arange(len(upper[0]))
    symmetric[every, upper[0], upper[1]] = symmetric[every, upper[1], upper[0]] = 1
    symmetric /= np.linalg.norm(symmetric, axis=(1, 2), keepdims=True)
    above = np.triu_indices(num_synapses, 1)
    squares = np.zeros((len(every), len(every)))
    for one in np.asarray(jacobians, np.float64):
        product = symmetric @ (one / np.linalg.norm(one))
        off = (product - product.swapaxes(1, 2))[:, *above]
        squares += off @ off.T
    eigenvalues, vectors = np.linalg.eigh(squares)
    free = vectors[:, eigenvalues <= tolerance**2 * eigenvalues[-1]]
    return np.einsum("ar,aij->rij", free, symmetric)
