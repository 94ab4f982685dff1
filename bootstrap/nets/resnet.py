"""Residual networks.

Letters: B batch, H height, W width, C channels, K classes.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.nets.cnn import Conv


class ResNet18(nn.Module):
    """Pre-activation ResNet-18 (He et al. 2016b) for small images; `resnet18k` of Nakkiran 2021's code, k the width.

    As there, the output of the last block is not normalised.
    """

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
        """Images [B, H, W] or [B, H, W, C] -> logits [B, K] float32."""
        x = x if x.ndim == 4 else x[..., None]
        x = Conv(self.width, bias=False, form=self.form, dtype=self.dtype)(x)
        for stage in range(4):
            for block in range(2):
                stride = 2 if stage and not block else 1
                x = Block(self.width * 2**stage, stride, self.form, self.dtype)(x, train)
        return nn.Dense(self.num_classes)(x.mean(axis=(1, 2)).astype(jnp.float32))


class Block(nn.Module):
    """Twice normalise, ReLU and convolve, with a shortcut."""

    features: int
    stride: int
    form: str
    dtype: Any

    @nn.compact
    def __call__(self, x, train):
        """[B, H, W, C] -> [B, H / stride, W / stride, features]."""

        def ready(x):
            return nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x))

        def conv(x, kernel, stride):
            return Conv(self.features, kernel, stride, bias=False, form=self.form, dtype=self.dtype)(x)

        y = ready(x)
        if self.stride != 1 or x.shape[-1] != self.features:
            x = conv(y, 1, self.stride)
        return x + conv(ready(conv(y, 3, self.stride)), 3, 1)
