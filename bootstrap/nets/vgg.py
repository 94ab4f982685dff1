"""Plain stacks of convolutions.

Letters: B batch, H height, W width, C channels, K classes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.nets.cnn import Conv, max_pool_2x2


class Layer(NamedTuple):
    """A convolution and a ReLU."""

    widths: int  # channels, in widths of the net
    kernel: int = 3
    stride: int = 1
    is_pooled: bool = False  # then 2 x 2 max pooling follows


class Stack(nn.Module):
    """Convolutions one after the other, the mean over what pixels they leave, and one linear layer."""

    num_classes: int
    width: int = 64
    layers: Sequence[Layer] = ()
    batch_norm: bool = False
    form: str = "conv"  # of `Conv`
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, width=self.width)
        settings.check_dtype(dtype=self.dtype)
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Images [B, H, W] or [B, H, W, C], of which the last layer leaves a pixel or more -> logits [B, K] float32."""
        x, least = x if x.ndim == 4 else x[..., None], 1
        for layer in reversed(self.layers):
            least = ((2 * least if layer.is_pooled else least) - 1) * layer.stride + 1
        if min(x.shape[1:3]) < least:
            raise ValueError(f"the image must be at least {least} x {least}, got {x.shape[1]} x {x.shape[2]}")
        for layer in self.layers:
            x = Conv(self.width * layer.widths, layer.kernel, layer.stride, form=self.form, dtype=self.dtype)(x)
            if self.batch_norm:
                x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)
            x = nn.relu(x)
            x = max_pool_2x2(x) if layer.is_pooled else x
        return nn.Dense(self.num_classes)(x.mean(axis=(1, 2)).astype(jnp.float32))


_POOLED = {1, 2, 4, 6, 8}  # of the layers of VGG-11


class VGG11(Stack):
    """VGG-11 with batch normalisation and one linear layer (Simonyan & Zisserman 2015, as in Nakkiran 2021's code)."""

    layers: Sequence[Layer] = tuple(
        Layer(widths, is_pooled=number in _POOLED) for number, widths in enumerate((1, 2, 4, 4, 8, 8, 8, 8), 1)
    )
    batch_norm: bool = True


class AlexNet(Stack):
    """AlexNet (Krizhevsky 2012) for small images, with one linear layer, as in Nakkiran 2021's code."""

    layers: Sequence[Layer] = (
        Layer(1, 11, 4, is_pooled=True),
        Layer(3, 5, is_pooled=True),
        Layer(6),
        Layer(4),
        Layer(4, is_pooled=True),
    )
