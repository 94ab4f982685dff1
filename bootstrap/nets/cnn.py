"""A small convolutional network, and the convolution of all networks here.

Letters: B batch, H height, W width, C channels, K classes.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from bootstrap import settings


class Conv(nn.Module):
    """A convolution with zero padding. The two forms compute the same function, up to rounding.

    form: "conv" is XLA's own. "product" gathers each pixel's neighbours by slices and takes one matrix product; on a
    CPU it is the faster form inside a loop or under `vmap` over parameters.
    """

    features: int
    kernel: int = 3  # odd
    stride: int = 1
    bias: bool = True
    form: str = "conv"
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, features=self.features, kernel=self.kernel, stride=self.stride)
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {self.kernel}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """[B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), features]."""
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        weights = self.param("kernel", nn.initializers.he_normal(), shape).astype(self.dtype)
        y = convolve(x.astype(self.dtype), weights, self.stride, self.form)
        if self.bias:
            y = y + self.param("bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)[None, None, None]
        return y


def convolve(x: jax.Array, weights: jax.Array, stride: int, form: str) -> jax.Array:
    """x [B, H, W, C], weights [k, k, C, F] -> [B, H', W', F]; see `Conv`. Raises ValueError on an unknown form."""
    size, edge = weights.shape[0], weights.shape[0] // 2
    if form == "conv":
        return jax.lax.conv_general_dilated(
            x, weights, (stride, stride), [(edge, edge)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    if form != "product":
        raise ValueError(f"form must be conv or product, got {form!r}")
    padded, (height, width) = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0))), x.shape[1:3]
    neighbours = [padded[:, i : i + height : stride, j : j + width : stride] for i in range(size) for j in range(size)]
    return jnp.concatenate(neighbours, axis=-1) @ weights.reshape(-1, weights.shape[-1])


def max_pool_2x2(x: jax.Array) -> jax.Array:
    """The maximum of every 2 x 2 pixels; an odd last row or column is left out. [B, H, W, C] -> [B, H/2, W/2, C].

    It compares two and two, so the gradient goes to one of several equal maxima. That of `nn.max_pool` does too, but is
    far slower on a CPU; that of `jnp.max` is divided among them.
    """
    batch, height, width, channels = x.shape
    squares = x[:, : height // 2 * 2, : width // 2 * 2].reshape(batch, height // 2, 2, width // 2, 2, channels)
    rows = _larger(squares[:, :, 0], squares[:, :, 1])
    return _larger(rows[:, :, :, 0], rows[:, :, :, 1])


def _larger(a, b):
    return jnp.where(a >= b, a, b)


class CNN(nn.Module):
    """Convolutions of width, 2 width, 4 width ..; the mCNN of Nakkiran 2021's code, after Page 2018 (Myrtle).

    2 x 2 max pooling follows every convolution except the first `num_unpooled`; a global maximum follows the last.
    """

    num_classes: int
    width: int = 64
    depth: int = 4
    num_unpooled: int = 1
    batch_norm: bool = True
    form: str = "conv"
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, width=self.width, depth=self.depth)
        settings.check_counts(0, num_unpooled=self.num_unpooled)
        settings.check_dtype(dtype=self.dtype)
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Images [B, H, W] or [B, H, W, C], at least one pixel after the pooling -> logits [B, K] float32."""
        x, least = x if x.ndim == 4 else x[..., None], 2 ** max(self.depth - self.num_unpooled, 0)
        if min(x.shape[1:3]) < least:
            raise ValueError(f"the image must be at least {least} x {least}, got {x.shape[1]} x {x.shape[2]}")
        for i in range(self.depth):
            x = Conv(self.width * 2**i, form=self.form, dtype=self.dtype)(x)
            if self.batch_norm:
                x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)
            x = nn.relu(x)
            x = max_pool_2x2(x) if i >= self.num_unpooled else x
        return nn.Dense(self.num_classes)(x.max(axis=(1, 2)).astype(jnp.float32))
