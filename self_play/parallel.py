"""What is done for many independently, which devices may share."""

from typing import Any


def undivided(what: Any, axis: str | None) -> Any:
    """The `divide` of one device, for arrays and functions alike.

    By such a function it is named what is done for many independently. `divide(arrays, "sequences")`: their leading
    axis is of sequences, which devices may share; `divide(arrays, None)`: every device needs all of them. A function of
    one of them, for a `vmap`: a device need not wait in its loops for those of others. It changes no number.
    """
    del axis
    return what
