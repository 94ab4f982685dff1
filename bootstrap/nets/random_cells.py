"""Random architectures: nets whose cell is drawn from a search space (Nakkiran 2021, figure 2b).

The space is that of NAS-Bench-201 (Dong & Yang 2020), of which the published code draws: 4 nodes, an operation on each
of the 6 edges between them, 5 operations. One cell is drawn, and all cells of a net are like it.

Letters: B batch, H height, W width, C channels, K classes.
"""

import random
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from bootstrap import settings
from bootstrap.nets.cnn import Conv

OPERATIONS = ("none", "skip", "conv_1x1", "conv_3x3", "average_3x3")
_NODES = 4


def cell(seed: int) -> tuple[tuple[str, ...], ...]:
    """A random cell: for each node but the first, the operation on the edge from every node before it.

    Each is equally likely; cells through which nothing comes to the last node are drawn again (ours).
    """
    generator = random.Random(seed)
    while True:
        drawn = tuple(tuple(generator.choice(OPERATIONS) for _ in range(node)) for node in range(1, _NODES))
        reached = [True]
        for edges in drawn:
            reached.append(any(there and edge != "none" for there, edge in zip(reached, edges, strict=True)))
        if reached[-1]:
            return drawn


class RandomCells(nn.Module):
    """Three stages of `num_cells` cells, of width, 2 width and 4 width, with a residual block of stride 2 between them.

    The code has num_cells 1 or 5 and width 16 or 64. cell_seed: which cell. An operation is a ReLU, a convolution and
    batch normalisation.
    """

    num_classes: int
    cell_seed: int
    num_cells: int = 1
    width: int = 16
    form: str = "conv"  # of `Conv`
    dtype: Any = jnp.float32

    def __post_init__(self):
        settings.check_counts(1, num_classes=self.num_classes, num_cells=self.num_cells, width=self.width)
        settings.check_counts(0, cell_seed=self.cell_seed)
        settings.check_dtype(dtype=self.dtype)
        super().__post_init__()

    @nn.compact
    def __call__(self, x, train=False):
        """Images [B, H, W] or [B, H, W, C] -> logits [B, K] float32."""
        x = x if x.ndim == 4 else x[..., None]

        def normalised(x):
            return nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)

        def conv(x, features, kernel=3, stride=1):
            return Conv(features, kernel, stride, bias=False, form=self.form, dtype=self.dtype)(x)

        def operation(name, x):
            if name == "average_3x3":
                return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)
            kernel = {"conv_1x1": 1, "conv_3x3": 3}.get(name)
            return x if kernel is None else normalised(conv(nn.relu(x), x.shape[-1], kernel))

        def of_cell(x):
            nodes = [x]
            for edges in cell(self.cell_seed):
                summands = [operation(edge, x) for edge, x in zip(edges, nodes, strict=True) if edge != "none"]
                nodes.append(sum(summands, start=jnp.zeros_like(x)))
            return nodes[-1]

        def halved(x):
            features = 2 * x.shape[-1]
            y = normalised(conv(nn.relu(x), features, stride=2))
            shortcut = nn.avg_pool(x, (2, 2), (2, 2), padding="SAME", count_include_pad=False)
            return conv(shortcut, features, 1) + normalised(conv(nn.relu(y), features))

        x = normalised(conv(x, self.width))
        for stage in range(3):
            x = halved(x) if stage else x
            for _ in range(self.num_cells):
                x = of_cell(x)
        return nn.Dense(self.num_classes)(nn.relu(normalised(x)).mean(axis=(1, 2)).astype(jnp.float32))
