"""Genomes from their files."""

from pathlib import Path

import blur


def genome(name: str) -> tuple[blur.Genome | tuple[blur.Genome, ...], blur.Rule]:
    """A genome and its rule: a pretrained one by its name, or that of a file (`blur.serialize`) by its path."""
    if name in blur.pretrained.names():
        of_genome, rule, _ = blur.pretrained.load(name)
        return of_genome, rule
    path = Path(name)
    if not path.is_file():
        there = ", ".join(blur.pretrained.names())
        raise FileNotFoundError(f"no genome file {path}; the pretrained ones are {there}")
    try:
        of_genome, rule, _ = blur.serialize.loads(path.read_text())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return of_genome, rule
