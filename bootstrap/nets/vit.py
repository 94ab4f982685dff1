"""Vision transformers.

Letters: B batch, H height, W width, C channels, P side of a patch, T patches, K classes.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings


class ViT(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2021) without dropout; by default the one of Nakkiran 2021's code.

    That is of ViT-B's size. Queries, keys and values have no bias, and their products are divided by the root of the
    width, not of a head's. Places and token begin as N(0, 1), and an MLP of one hidden layer is the head; GELU is the
    exact one.
    """

    num_classes: int
    patch: int = 4
    width: int = 768
    depth: int = 12
    num_heads: int = 12
    mlp_width: int = 3072
    dtype: Any = jnp.float32

    def __post_init__(self):
        counts = ("num_classes", "patch", "width", "depth", "num_heads", "mlp_width")
        settings.check_counts(1, **{name: getattr(self, name) for name in counts})
        settings.check_dtype(dtype=self.dtype)
        if self.width % self.num_heads:
            raise ValueError(f"width must be a multiple of num_heads, got {self.width} and {self.num_heads}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x):
        """Images [B, H, W] or [B, H, W, C], their sides multiples of the patch -> logits [B, K] float32."""
        x = x if x.ndim == 4 else x[..., None]
        batch, height, width, channels = x.shape
        if height % self.patch or width % self.patch:
            raise ValueError(f"the image's sides must be multiples of patch={self.patch}, got {height} x {width}")
        rows, columns = height // self.patch, width // self.patch
        x = x.reshape(batch, rows, self.patch, columns, self.patch, channels).transpose(0, 1, 3, 2, 4, 5)
        x = nn.Dense(self.width, dtype=self.dtype)(x.reshape(batch, rows * columns, -1))
        # "token", not "cls_token": saved parameters are in the order of their names.
        cls_token = self.param("token", nn.initializers.normal(1.0), (1, 1, self.width))
        x = jnp.concatenate([jnp.broadcast_to(cls_token.astype(self.dtype), (batch, 1, self.width)), x], axis=1)
        pos_embedding = self.param("pos_embedding", nn.initializers.normal(1.0), (1, x.shape[1], self.width))
        x = x + pos_embedding.astype(self.dtype)
        for _ in range(self.depth):
            x = Block(self.num_heads, self.mlp_width, self.dtype)(x)
        hidden = nn.Dense(self.mlp_width, dtype=self.dtype)(nn.LayerNorm(dtype=self.dtype)(x[:, 0]))
        return nn.Dense(self.num_classes)(nn.gelu(hidden, approximate=False).astype(jnp.float32))


class Block(nn.Module):
    """Attention, then an MLP, each normalised first and with a shortcut."""

    num_heads: int
    mlp_width: int
    dtype: Any

    @nn.compact
    def __call__(self, x):
        """[B, T + 1, width] -> the same."""
        width, heads = x.shape[-1], (3, self.num_heads, x.shape[-1] // self.num_heads)
        y = nn.Dense(3 * width, use_bias=False, dtype=self.dtype)(nn.LayerNorm(dtype=self.dtype)(x))
        query, key, value = jnp.moveaxis(y.reshape(*x.shape[:2], *heads), 2, 0)
        y = nn.dot_product_attention(query / self.num_heads**0.5, key, value)  # which divides by the root of a head's
        x = x + nn.Dense(width, dtype=self.dtype)(y.reshape(x.shape))
        y = nn.Dense(self.mlp_width, dtype=self.dtype)(nn.LayerNorm(dtype=self.dtype)(x))
        return x + nn.Dense(width, dtype=self.dtype)(nn.gelu(y, approximate=False))
