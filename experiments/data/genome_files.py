"""Genomes from their files."""

from pathlib import Path

import blur


def genome(name: str) -> tuple[blur.Genome | tuple[blur.Genome, ...], blur.Rule]:
    """A genome and its rule: one that is shipped, by its name, or that of a file (`blur.text`), by its path."""
    if name in blur.shipped.names():
        of_genome, rule, _ = blur.shipped.load(name)
        return of_genome, rule
    path = Path(name)
    if not path.is_file():
        there = ", ".join(blur.shipped.names())
        raise FileNotFoundError(f"no genome file {path}; the shipped ones are {there}")
    try:
        of_genome, rule, _ = blur.text.loads(path.read_text())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return of_genome, rule
