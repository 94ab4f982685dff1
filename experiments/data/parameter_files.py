"""What a learner has learned, from files."""

from pathlib import Path

import numpy as np

import self_play
from experiments.data.files import listed, whole_npz


def parameters(place: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by their names, or of the one params.npz that a run has left in its folder.

    Or those of a player that comes with the package, by its name. A text beside them, as players have, is no parameter.
    A run leaves it where its config has artifacts = ("params",), one for each seed and cell. Raises FileNotFoundError
    or ValueError, with what to do, where it is not there or not whole.
    """
    if place in self_play.pretrained.names():
        return _numbers(self_play.pretrained.arrays(place))
    path = Path(place).expanduser()
    if path.is_dir():
        left = sorted(path.glob("*params.npz"))
        path = left[0] if len(left) == 1 else path / "params.npz"
    if not path.is_file():
        there = sorted(other.name for other in path.parent.glob("*params.npz"))
        raise FileNotFoundError(
            f"no file {path}; "
            + (
                f"of several seeds or cells, name one of {listed(there)}"
                if there
                else "a run leaves its params.npz by --config.artifacts=\"('params',)\", a finished one too"
            )
        )
    with whole_npz(path, "arrays") as content:
        return _numbers({name: content[name] for name in content.files})


def _numbers(arrays):
    return {name: array for name, array in arrays.items() if array.dtype.kind != "U"}
