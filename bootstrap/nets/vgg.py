"""Plain stacks of convolutions, for images of 32 x 32.

Letters: B batch, H height, W width, C channels, K classes.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.nets.cnn import Conv, max_pool_2x2

_VGG11 = (1, 0, 2, 0, 4, 4, 0, 8, 8, 0, 8, 8, 0)  # channels in widths; 0: pooling


class VGG11(nn.Module):
    """VGG-11 with batch normalisation and one linear layer (Simonyan & Zisserman 2015, as in Nakkiran 2021's code)."""

    num_classes: int
    width: int = 64
    form: str = "conv"  # of `Conv`
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, width=self.width)
        settings.check_dtype(dtype=self.dtype)
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Images [B, H, W] or [B, H, W, C], at least 32 x 32 -> logits [B, K] float32."""
        x = _large_enough(x)
        for widths in _VGG11:
            if not widths:
                x = max_pool_2x2(x)
                continue
            x = Conv(self.width * widths, form=self.form, dtype=self.dtype)(x)
            x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x))
        return nn.Dense(self.num_classes)(x.mean(axis=(1, 2)).astype(jnp.float32))


class AlexNet(nn.Module):
    """AlexNet (Krizhevsky 2012) for small images, with one linear layer, as in Nakkiran 2021's code."""

    num_classes: int
    width: int = 64
    form: str = "conv"  # of `Conv`
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, width=self.width)
        settings.check_dtype(dtype=self.dtype)
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """Images [B, H, W] or [B, H, W, C], at least 29 x 29 -> logits [B, K] float32."""
        x = _large_enough(x, 29)
        layers = ((1, 11, 4, True), (3, 5, 1, True), (6, 3, 1, False), (4, 3, 1, False), (4, 3, 1, True))
        for widths, kernel, stride, is_pooled in layers:
            x = nn.relu(Conv(self.width * widths, kernel, stride, form=self.form, dtype=self.dtype)(x))
            x = max_pool_2x2(x) if is_pooled else x
        return nn.Dense(self.num_classes)(x.mean(axis=(1, 2)).astype(jnp.float32))


def _large_enough(x, least=32):
    if min(x.shape[1:3]) < least:
        raise ValueError(f"the image must be at least {least} x {least}, got {x.shape[1]} x {x.shape[2]}")
    return x if x.ndim == 4 else x[..., None]
