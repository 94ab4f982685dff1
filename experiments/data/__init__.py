"""Data sets as NumPy arrays: embedded, or read from files in their public formats. Nothing else here reads a file."""

from experiments.data.bandit import bandit as bandit
from experiments.data.binarized import binarized_mnist as binarized_mnist
from experiments.data.cifar import cifar10 as cifar10
from experiments.data.cifar5m import cifar5m as cifar5m
from experiments.data.csv_table import csv as csv
from experiments.data.digits import digits as digits
from experiments.data.folder import default_dir as default_dir
from experiments.data.folder import required as required
from experiments.data.fresh import deformed_digits as deformed_digits
from experiments.data.fresh import gaussians as gaussians
from experiments.data.fresh import shapes as shapes
from experiments.data.fresh import teacher as teacher
from experiments.data.genome import genome as genome
from experiments.data.idx import idx as idx
from experiments.data.kinds import Data as Data
from experiments.data.kinds import Part as Part
from experiments.data.kinds import check as check
from experiments.data.nothing import nothing as nothing
from experiments.data.npz_arrays import npz as npz
from experiments.data.permuted import permuted as permuted
from experiments.data.uci import uci as uci
from experiments.data.uci_regression import sarcos as sarcos
from experiments.data.uci_regression import uci_regression as uci_regression
