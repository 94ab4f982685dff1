"""A convolutional network, and the fully connected network that contains it (after D-CONV and D-FC, Neyshabur 2020).

Both have the same layers of the same shapes; every linear map that the first can express, the second can too.
Neyshabur's have eight convolutions and batch normalisation. These have one convolution for each of `channels` and no
normalisation, so that one contains the other exactly.

Letters: B batch, H height, W width, C channels, K classes.
"""

from collections.abc import Sequence

import flax.linen as nn

from bootstrap import settings
from bootstrap.nets.cnn import Conv


class Convolutional(nn.Module):
    """Convolutions of 3 x 3, each with its stride, then one hidden layer; ReLU between all layers."""

    num_classes: int
    channels: Sequence[int]
    strides: Sequence[int]
    features: int
    form: str = "conv"  # of `Conv`

    def __post_init__(self):
        _check(self)
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """Images [B, H, W] or [B, H, W, C] -> logits [B, K]."""
        x = x if x.ndim == 4 else x[..., None]
        for channels, stride in zip(self.channels, self.strides, strict=True):
            x = nn.relu(Conv(channels, stride=stride, form=self.form)(x))
        return _head(x, self.features, self.num_classes)


class FullyConnected(nn.Module):
    """The same layers, with any affine map between images in place of each convolution."""

    num_classes: int
    channels: Sequence[int]
    strides: Sequence[int]
    features: int

    def __post_init__(self):
        _check(self)
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """Images [B, H, W] or [B, H, W, C] -> logits [B, K]."""
        height, width = x.shape[1:3]
        x = x.reshape(len(x), -1)
        for channels, stride in zip(self.channels, self.strides, strict=True):
            height, width = -(-height // stride), -(-width // stride)
            x = nn.relu(nn.Dense(height * width * channels, kernel_init=nn.initializers.he_normal())(x))
        return _head(x, self.features, self.num_classes)


def _check(net):
    settings.check_counts(1, num_classes=net.num_classes, features=net.features)
    settings.check_widths(channels=net.channels, strides=net.strides)
    if len(net.channels) != len(net.strides):
        raise ValueError(f"channels and strides must be equally many, got {net.channels} and {net.strides}")


def _head(x, features, num_classes):
    hidden = nn.relu(nn.Dense(features, name="hidden")(x.reshape(len(x), -1)))
    return nn.Dense(num_classes, name="output")(hidden)
