"""Nets from inputs [B, D..] to outputs [B, K], flax Linen modules; and `Net`, for one made of two pure functions.

They begin as flax begins them, their convolutions as He et al. 2015 do; `published`: as in Nakkiran 2021's code.

dtype, of all but `DConv`, `Convolutional`, `FullyConnected`, `Linear` and `RandomFeatures`: of a net's products and
activations, "bfloat16" for those in half precision. Its parameters, statistics and last layer are float32, and so is
the loss.
"""

from bootstrap.nets.cnn import CNN, Conv
from bootstrap.nets.densenet import DenseNet
from bootstrap.nets.mlp import MLP
from bootstrap.nets.net import Begun, Body, Net, body
from bootstrap.nets.neyshabur import DConv
from bootstrap.nets.published import published
from bootstrap.nets.random_cells import RandomCells
from bootstrap.nets.random_features import Linear, RandomFeatures
from bootstrap.nets.resnet import ResNet18
from bootstrap.nets.superset import Convolutional, FullyConnected
from bootstrap.nets.vgg import VGG11, AlexNet
from bootstrap.nets.vit import ViT

__all__ = [
    "CNN",
    "MLP",
    "VGG11",
    "AlexNet",
    "Begun",
    "Body",
    "Conv",
    "Convolutional",
    "DConv",
    "DenseNet",
    "FullyConnected",
    "Linear",
    "Net",
    "RandomCells",
    "RandomFeatures",
    "ResNet18",
    "ViT",
    "body",
    "published",
]
