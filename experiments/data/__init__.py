"""Data sets as NumPy arrays: embedded, or read from files in their public formats. Nothing else here reads a file."""

from experiments.data.digits import digits as digits
from experiments.data.folder import default_dir as default_dir
from experiments.data.folder import required as required
from experiments.data.idx import idx as idx
from experiments.data.part import Data as Data
from experiments.data.part import Part as Part
from experiments.data.part import check as check
