"""Models that are linear in fixed features of the input, and 0 before learning.

Letters: B batch, D.. input shape, F features, K classes.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from bootstrap import settings


class Linear(nn.Module):
    """Outputs linear in the input."""

    num_classes: int

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes)
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """Inputs [B, D..] -> outputs [B, K]."""
        return nn.Dense(self.num_classes, kernel_init=nn.initializers.zeros)(x.reshape(len(x), -1))


class RandomFeatures(nn.Module):
    """Logits linear in F fixed random features of the input (Rahimi & Recht 2007): a net whose last layer learns.

    activation: "cos", sqrt(2 / F) cos(w x / bandwidth + b), of the Gaussian kernel; or "relu", sqrt(2 / F) max(0, w x),
    of the arc-cosine kernel (Cho & Saul 2009). w are unit Gaussians, b is uniform on the circle. Neither is learned;
    both are kept in the collection `frozen`.
    """

    num_features: int
    num_classes: int
    activation: str = "relu"
    bandwidth: float = 1.0  # in units of the input

    def __post_init__(self):
        settings.check_counts(1, num_features=self.num_features, num_classes=self.num_classes)
        settings.check_positive(bandwidth=self.bandwidth)
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """Inputs [B, D..] -> logits [B, K]."""
        x = x.reshape(len(x), -1)

        def draw(distribution, shape):
            return distribution(self.make_rng("params"), shape)

        weights = self.variable("frozen", "weights", draw, jax.random.normal, (x.shape[1], self.num_features)).value
        projected = x @ weights
        if self.activation == "cos":
            turns = self.variable("frozen", "turns", draw, jax.random.uniform, (self.num_features,)).value
            features = jnp.cos(projected / self.bandwidth + 2 * jnp.pi * turns[None])
        elif self.activation == "relu":
            features = nn.relu(projected)
        else:
            raise ValueError(f"activation must be cos or relu, got {self.activation!r}")
        features = jnp.sqrt(2 / self.num_features) * features
        return nn.Dense(self.num_classes, kernel_init=nn.initializers.zeros)(features)
