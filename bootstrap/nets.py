"""Bodies for `bootstrap.sgd`: flax Linen modules from inputs [B, D..] to logits [B, K]."""

from collections.abc import Sequence

import flax.linen as nn


class MLP(nn.Module):
    """Fully connected, ReLU between the layers."""

    features: Sequence[int]  # units of each hidden layer; () is a linear model
    num_classes: int

    @nn.compact
    def __call__(self, x):
        """Inputs [B, D..] -> logits [B, K]."""
        x = x.reshape(len(x), -1)
        for size in self.features:
            x = nn.relu(nn.Dense(size)(x))
        return nn.Dense(self.num_classes)(x)
