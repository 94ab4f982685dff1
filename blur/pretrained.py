"""The learned genomes that come with the package, each a text (`blur.text`) whose note has the command that made it.

This is the one place of the papers that reads: files of the package itself, so that a notebook needs no path.
"""

from importlib import resources

from blur import text
from blur.genome import Genome
from blur.rule import Rule


def names() -> tuple[str, ...]:
    """The names of all of them."""
    return tuple(sorted(path.name.removesuffix(".json") for path in _FOLDER.iterdir() if path.name.endswith(".json")))


def load(name: str) -> tuple[Genome | tuple[Genome, ...], Rule, dict[str, str]]:
    """The genome of that name, its rule and its note."""
    if name not in names():
        raise ValueError(f"no genome named {name!r} is shipped; there are {', '.join(names())}")
    return text.loads((_FOLDER / f"{name}.json").read_text())


_FOLDER = resources.files("blur") / "genomes"
