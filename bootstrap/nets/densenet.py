"""Densely connected networks.

Letters: B batch, H height, W width, C channels, K classes.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.nets.cnn import Conv


class DenseNet(nn.Module):
    """DenseNet (Huang et al. 2017) without bottlenecks or compression; of depth 40 in Nakkiran 2021's code.

    Three blocks, of (depth - 4) / 3 convolutions each, all of which see what every one before them has found. growth:
    the channels that a convolution adds; 12 and 32 in the paper.
    """

    num_classes: int
    growth: int = 12
    depth: int = 40
    form: str = "conv"  # of `Conv`
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, growth=self.growth, depth=self.depth)
        settings.check_dtype(dtype=self.dtype)
        if self.depth < 7 or (self.depth - 4) % 3:
            raise ValueError(f"depth must be 4 and a multiple of 3, from 7 on; got {self.depth}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Images [B, H, W] or [B, H, W, C], at least 4 x 4 -> logits [B, K] float32."""

        def ready(x):
            return nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x))

        def conv(x, features, kernel):
            return Conv(features, kernel, bias=False, form=self.form, dtype=self.dtype)(x)

        x = conv(x if x.ndim == 4 else x[..., None], 2 * self.growth, 3)
        for block in range(3):
            if block:
                x = nn.avg_pool(conv(ready(x), x.shape[-1], 1), (2, 2), (2, 2))
            for _ in range((self.depth - 4) // 3):
                x = jnp.concatenate([x, conv(ready(x), self.growth, 3)], axis=-1)
        return nn.Dense(self.num_classes)(ready(x).mean(axis=(1, 2)).astype(jnp.float32))
