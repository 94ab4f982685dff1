"""Genomes that come with the package. Each is a text (`blur.serialize`); its note has the command that made it.

No other module of the papers reads files. These are the package's own, so a notebook needs no path.
"""

from importlib import resources

from blur import serialize
from blur.genome import Genome
from blur.rule import Rule


def names() -> tuple[str, ...]:
    """The names of all pretrained genomes."""
    return tuple(sorted(path.name.removesuffix(".json") for path in _FOLDER.iterdir() if path.name.endswith(".json")))


def load(name: str) -> tuple[Genome | tuple[Genome, ...], Rule, dict[str, str]]:
    """The genome of that name, its rule and its note. Raises ValueError for an unknown name."""
    if name not in names():
        raise ValueError(f"no pretrained genome named {name!r}; there are {', '.join(names())}")
    return serialize.loads((_FOLDER / f"{name}.json").read_text())


_FOLDER = resources.files("blur") / "genomes"
