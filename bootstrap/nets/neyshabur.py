"""D-CONV and the nets that contain it, D-LOCAL and D-FC (Neyshabur 2020, arXiv 2007.13657), as in Nakkiran 2021's code.

Eight layers of 3 x 3 neighbourhoods, then a hidden one: in D-CONV each is a convolution, in D-LOCAL every pixel has
weights of its own, and in D-FC all pixels are connected with all. Each has batch normalisation, of a channel in D-CONV
and of a unit in the others, in place of a bias, and a ReLU.

Letters: B batch, H height, W width, C channels, K classes.
"""

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.nets.cnn import Conv

KINDS = ("conv", "local", "full")
_LAYERS = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2))  # widths, stride
_HIDDEN = 64  # widths


class DConv(nn.Module):
    """D-CONV or, as `kind` says, D-LOCAL or D-FC. width: 32 in the code. dropout: of the hidden layer, as there."""

    num_classes: int
    kind: str = "conv"
    width: int = 32
    dropout: float = 0.5
    form: str = "conv"  # of `Conv`

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, width=self.width)
        settings.check_fraction(dropout=self.dropout)
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {self.kind!r}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Images [B, H, W] or [B, H, W, C] -> logits [B, K]."""

        def normalised(x):
            return nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))

        def of_units(x):
            return normalised(x.reshape(len(x), -1)).reshape(x.shape)

        x = x if x.ndim == 4 else x[..., None]
        for widths, stride in _LAYERS:
            channels = widths * self.width
            if self.kind == "conv":
                x = normalised(Conv(channels, stride=stride, bias=False, form=self.form)(x))
            elif self.kind == "local":
                x = of_units(Local(channels, stride)(x))
            else:
                height, width = (-(-side // stride) for side in x.shape[1:3])
                y = nn.Dense(height * width * channels, use_bias=False, kernel_init=nn.initializers.he_normal())(
                    x.reshape(len(x), -1)
                )
                x = of_units(y.reshape(len(x), height, width, channels))
        x = normalised(nn.Dense(_HIDDEN * self.width, use_bias=False)(x.reshape(len(x), -1)))
        return nn.Dense(self.num_classes)(nn.Dropout(self.dropout, deterministic=not train)(x))


class Local(nn.Module):
    """A locally connected layer: as a convolution of 3 x 3 with zero padding, but each pixel has weights of its own.

    Those to the padding are there as well, and learn nothing. The code has the matrix of D-FC with a mask.
    """

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x):
        """[B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), features]."""
        height, width, channels = x.shape[1:]
        padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        neighbours = jnp.concatenate(
            [padded[:, i : i + height : self.stride, j : j + width : self.stride] for i in range(3) for j in range(3)],
            axis=-1,
        )
        shape = (*neighbours.shape[1:3], 9 * channels, self.features)
        weights = self.param("kernel", nn.initializers.he_normal(in_axis=-2, out_axis=-1, batch_axis=(0, 1)), shape)
        return jnp.einsum("bhwc,hwcf->bhwf", neighbours, weights)
