"""How the nets of Nakkiran 2021's code begin (preetum/deep-bootstrap-code, in PyTorch).

Most begin as PyTorch lets them: weights and biases uniform within 1 / sqrt(inputs of a unit). Its DenseNets and VGGs
have normal weights in their convolutions, of variance 2 / (pixels times channels of the kernel's output), VGG's last
layer normal ones of deviation 0.01, and its biases are 0.
"""

import math
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from bootstrap.nets.cnn import CNN
from bootstrap.nets.densenet import DenseNet
from bootstrap.nets.mlp import MLP
from bootstrap.nets.net import Begun
from bootstrap.nets.neyshabur import DConv
from bootstrap.nets.resnet import ResNet18
from bootstrap.nets.vgg import VGG11, AlexNet
from bootstrap.nets.vit import ViT

_NETS = (MLP, CNN, ResNet18, VGG11, AlexNet, DenseNet, DConv, ViT)


def published(net: nn.Module) -> Begun:
    """One of the nets of the published code, begun as there; else ours begin as flax's, convolutions as He's do.

    Raises ValueError for a net of which that code says nothing.
    """
    if type(net) not in _NETS:
        there = ", ".join(one.__name__ for one in _NETS)
        raise ValueError(f"the published code begins {there}; got {type(net).__name__}")
    return Begun(net, partial(_redrawn, type(net)))


def _redrawn(kind: type, key: jax.Array, params: Any) -> Any:
    """Parameters like these, their kernels and the biases of these drawn anew. The key is consumed."""
    flat: dict[tuple[str, ...], Any] = flatten_dict(params)  # pyrefly: ignore
    for number, path in enumerate(path for path in flat if path[-1] == "kernel"):
        k_kernel, k_bias = jax.random.split(jax.random.fold_in(key, number))
        kernel, bound = flat[path], 1 / math.sqrt(_num_inputs(flat, path))
        if kind in (VGG11, DenseNet) and path[-2].startswith("Conv"):
            std = math.sqrt(2 / (math.prod(kernel.shape[:2]) * kernel.shape[-1]))
            flat[path] = std * jax.random.normal(k_kernel, kernel.shape, kernel.dtype)
        elif kind is VGG11:
            flat[path] = 0.01 * jax.random.normal(k_kernel, kernel.shape, kernel.dtype)
        else:
            flat[path] = jax.random.uniform(k_kernel, kernel.shape, kernel.dtype, -bound, bound)
        if (bias := (*path[:-1], "bias")) in flat:
            zero = jnp.zeros_like(flat[bias])
            drawn = jax.random.uniform(k_bias, zero.shape, zero.dtype, -bound, bound)
            flat[bias] = zero if kind is VGG11 else drawn
    return unflatten_dict(flat)


def _num_inputs(flat: dict, path: tuple[str, ...]) -> int:
    """Of a unit of the layer. A local one is there a full matrix with a mask: all units of the image before it."""
    kernel, (kind, _, number) = flat[path], path[-2].partition("_")
    if kind != "Local":
        return math.prod(kernel.shape[:-1])
    before = flat.get((f"Local_{int(number) - 1}", "kernel"), kernel)  # the first leaves the image as large as it is
    return math.prod(before.shape[:2]) * kernel.shape[2] // 9
