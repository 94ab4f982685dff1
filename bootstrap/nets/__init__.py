"""Bodies for `bootstrap.sgd`: flax Linen modules from inputs [B, D..] to logits [B, K]."""

from bootstrap.nets.cnn import CNN as CNN
from bootstrap.nets.cnn import Conv as Conv
from bootstrap.nets.mlp import MLP as MLP
from bootstrap.nets.random_features import RandomFeatures as RandomFeatures
from bootstrap.nets.resnet import ResNet18 as ResNet18
from bootstrap.nets.superset import Convolutional as Convolutional
from bootstrap.nets.superset import FullyConnected as FullyConnected
from bootstrap.nets.vit import ViT as ViT
