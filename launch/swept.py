"""The runs of a sweep: those that a config's sweep(add) lists, or the product of --sweep.KEY=VALUE,VALUE flags."""

import ast
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from launch import cli, configs


def runs(config: str, workdir: Path, words: Sequence[str]) -> dict[Path, list[str]]:
    """The command line of `launch.train` for each run, by its folder, without the program's name.

    words: --sweep.KEY=VALUE,.. , which take the place of the config's own sweep, and flags that all runs get. Raises
    UserError where the runs are none, or where two of them are the same.
    """
    values, passed_on = _given(words)
    made: dict[Path, list[str]] = {}

    def add(variant: str = "", **overrides: object) -> None:
        changes = [f"--config.{key}={value}" for key, value in overrides.items()]
        name = ",".join([*([variant] if variant else []), *(f"{key}={value}" for key, value in overrides.items())])
        folder = workdir / name.replace("/", "_")
        if folder in made or name in ("", ".", ".."):
            raise cli.UserError(f"{config}: sweep has two runs, or none, for the folder {folder}; rename one")
        named = f"--config={config}:{variant}" if variant else f"--config={config}"
        made[folder] = [named, f"--workdir={folder}", *changes, *passed_on]

    if values:
        for chosen in itertools.product(*values.values()):
            add(**dict(zip(values, chosen, strict=True)))
        return made
    module = configs.load(Path(config))
    if not callable(getattr(module, "sweep", None)):
        raise cli.UserError(f"{config} has no sweep(add); give values, --sweep.KEY=VALUE,VALUE, or use launch.train")
    with cli.user_errors(Exception, SystemExit, saying=f"{config}: sweep(add): "):
        module.sweep(add)
    if not made:
        raise cli.UserError(f"{config}: its sweep adds no run")
    return made


def _given(words: Sequence[str]) -> tuple[dict[str, list], list[str]]:
    """-> (the values of each key that is swept, the other flags). Raises UserError where they cannot be."""
    swept, passed_on = {}, []
    for word in words:
        if not (found := re.fullmatch(r"--?sweep\.([^=]*)(?:=(.*))?", word, re.DOTALL)):
            passed_on.append(word)
            continue
        key, text = found[1], found[2]
        if not key or not text:
            raise cli.UserError(f"{word}: write --sweep.KEY=VALUE,VALUE")
        if key in swept:
            raise cli.UserError(f"--sweep.{key} is given twice; write all its values in one")
        swept[key] = _values(word, text)
    for key in swept:
        for word in passed_on:
            if re.match(rf"--?(?:no)?config\.{re.escape(key)}(?:[.=]|$)", word):
                raise cli.UserError(f"{word} and --sweep.{key} set the same key; leave one out")
        if inner := [other for other in swept if other.startswith(f"{key}.")]:
            raise cli.UserError(f"--sweep.{key} and --sweep.{inner[0]} set the same key; leave one out")
    return swept, passed_on


def _values(word: str, text: str) -> list:
    """What a list of values holds: Python's, or where it is none, words."""
    try:
        values = list(ast.literal_eval(f"[{text}]"))
    except (SyntaxError, ValueError):
        values = [value.strip() for value in text.split(",")]
    if not values or "" in values:
        raise cli.UserError(f"{word} has an empty value; write --sweep.KEY=VALUE,VALUE")
    if twice := [value for i, value in enumerate(values) if value in values[:i]]:
        raise cli.UserError(f"{word} has {twice[0]!r} twice")
    return values
