"""A genome as JSON text, for files. The text is independent of the widths of any network.

    {"format": "blur genome", "version": 2, "note": {..}, "rule": {..}, "genome": {"neuron": {..}, "synapse": {..}, ..}}

`rule` has the fields of a `Rule` by name; `genome` has those of a `Genome`, matrices row by row, or is a list with one
genome for each layer. `note` has texts by name that tell people what made the genome. A field with a default may be
missing, so texts of version 1, which have fewer, are read as well. null is an option that is off.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from blur import rule as rules
from blur.genome import RANKS, Age, Genome, Neuron, Norm, Size, Synapse, check_genomes
from blur.rule import Rule

_FORMAT, _VERSION = "blur genome", 2
_PARTS = {
    "neuron": Neuron,
    "synapse": Synapse,
    "forward_synapse": Synapse,
    "forward_norm": Norm,
    "backward_norm": Norm,
    "age": Age,
    "size": Size,
}


def dumps(genome: Genome | Sequence[Genome], rule: Rule, note: Mapping[str, str]) -> str:
    """The text of a genome, or of one for each layer, and of its rule. Numbers are float32 and written exactly.

    Raises ValueError for what is no genome or rule, for a rule that holds a function in place of a name, and for a
    number that is not finite.
    """
    check_genomes(genome)
    rules.check(rule)
    for name, choice in rule._asdict().items():
        if callable(choice):
            raise ValueError(
                f"a genome's file names what its rule does, but {name} is a function; "
                'name it in the rule, as "package.module:function"'
            )
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "note": dict(note),
        "rule": rule._asdict(),
        "genome": _lists(genome) if isinstance(genome, Genome) else [_lists(of_layer) for of_layer in genome],
    }
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
    except ValueError as error:
        raise ValueError("the genome has a number that is not finite") from error
    # A row is a line. What begins with a line break is a row: no string has one.
    return re.sub(r'\[\n[^][{}"]*\]', lambda row: " ".join(row.group().split()), text) + "\n"


def loads(text: str) -> tuple[Genome | tuple[Genome, ...], Rule, dict[str, str]]:
    """The genome, or one for each layer, the rule and the note in a text of `dumps`. ValueError for any other text."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not a whole JSON text: {error}") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f'not a genome: it has no "format": "{_FORMAT}"')
    if content.get("version") not in (1, _VERSION):
        raise ValueError(f"a genome of version {content.get('version')}; this program reads versions 1 and {_VERSION}")
    _check_names("the text", content, ("format", "version", "note", "rule", "genome"))
    rule = _rule(content["rule"])
    if not isinstance(content["genome"], list):
        return _genome("genome", content["genome"]), rule, content["note"]
    genomes = [_genome(f"genome {i}", of_layer) for i, of_layer in enumerate(content["genome"])]
    return check_genomes(genomes), rule, content["note"]


def _lists(part: Any) -> Any:
    """Names, lists and numbers. Each float32 becomes the shortest decimal that is read back as the same float32."""
    if part is None:
        return None
    if isinstance(part, tuple):
        return {name: _lists(field) for name, field in part._asdict().items()}  # pyrefly: ignore  # NamedTuples all
    numbers = np.asarray(part, np.float32)
    if numbers.ndim > 0:
        return [_lists(row) for row in numbers]
    return float(str(numbers))


def _rule(fields: Any) -> Rule:
    _check_names("rule", fields, Rule._fields, Rule._field_defaults)
    for name, field in fields.items():
        kind = type(Rule._field_defaults[name])
        if type(field) is not kind:
            raise ValueError(f"rule.{name} must be {'true or false' if kind is bool else 'a name'}")
    rule = Rule(**fields)
    rules.check(rule)
    return rule


def _genome(where: str, fields: Any) -> Genome:
    """A genome from its fields. The rows of `neuron.forward` give K; all other shapes must agree."""
    _check_names(where, fields, Genome._fields, Genome._field_defaults)
    _check_names(f"{where}.neuron", fields["neuron"], Neuron._fields, Neuron._field_defaults)
    forward = fields["neuron"]["forward"]
    num_states = len(forward) if isinstance(forward, list) else 0
    if num_states < 2:
        raise ValueError(f"{where}.neuron.forward must be a matrix of at least 2 states")

    def build(where, kind, fields):
        _check_names(where, fields, kind._fields, kind._field_defaults)
        return kind(**{name: build_field(f"{where}.{name}", kind, name, field) for name, field in fields.items()})

    def build_field(where, kind, name, field):
        if field is None and name in kind._field_defaults:
            return None
        if name in _PARTS:
            return build(where, _PARTS[name], field)
        return _array(where, field, (num_states,) * RANKS.get(name, 0))

    return build(where, Genome, fields)


def _array(where: str, field: Any, shape: tuple[int, ...]) -> jax.Array:
    """Lists of finite numbers as a float32 array of that shape."""
    try:
        numbers = np.array(field)
    except ValueError:  # rows of different lengths
        numbers = np.array(None)
    if numbers.dtype.kind not in "if" or numbers.shape != shape:
        wanted = " x ".join(map(str, shape)) + " numbers" if shape else "a number"
        raise ValueError(f"{where} must be {wanted}")
    with np.errstate(over="ignore"):
        numbers = numbers.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{where} has a number that is not finite")
    return jnp.asarray(numbers)


def _check_names(where: str, fields: Any, names: Sequence[str], optional: Collection[str] = ()) -> None:
    if not isinstance(fields, dict):
        raise ValueError(f"{where} must have the fields {', '.join(names)}")
    lacking, unknown = set(names) - set(optional) - fields.keys(), fields.keys() - set(names)
    if lacking:
        raise ValueError(f"{where} lacks {', '.join(sorted(lacking))}")
    if unknown:
        raise ValueError(f"{where} has the unknown field {', '.join(sorted(unknown))}")
