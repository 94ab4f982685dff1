"""Fully connected networks.

Letters: B batch, D.. input shape, K classes.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings


class MLP(nn.Module):
    """Fully connected layers with ReLU between them."""

    features: Sequence[int]  # units of each hidden layer; () is a linear model
    num_classes: int
    batch_norm: bool = False  # between a hidden layer and its ReLU; the paper's MLPs have it (Nakkiran 2021, code)
    dropout: float = 0.0  # the probability that a hidden unit is left out of a training step
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes)
        settings.check_widths(features=self.features)
        settings.check_fraction(dropout=self.dropout)
        settings.check_dtype(dtype=self.dtype)
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Inputs [B, D..] -> logits [B, K] float32."""
        x = x.reshape(len(x), -1)
        for size in self.features:
            x = nn.Dense(size, dtype=self.dtype)(x)
            if self.batch_norm:
                x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)
            x = nn.relu(x)
            if self.dropout:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.num_classes)(x.astype(jnp.float32))
