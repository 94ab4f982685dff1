"""The settings of a config: plain finite values, and arguments that the function they go to takes."""

import contextlib
import difflib
import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import jax
import numpy as np

_PLAIN = (bool, int, float, str, type(None), list, tuple, Mapping)
_LARGEST = float(np.finfo(np.float32).max)


def check_plain(value: Any, where: str = "config") -> None:
    """Raises ValueError where a config holds NaN, an infinity, or anything that config.json could not hold."""
    if not isinstance(value, _PLAIN):
        raise ValueError(
            f"{where} is a {type(value).__name__}; a config holds numbers, strings, None, and tuples and dicts of them"
        )
    if isinstance(value, float) and not abs(value) <= _LARGEST:
        raise ValueError(f"{where} is {value}, which is no finite float32; for no limit, take a large one such as 1e30")
    if isinstance(value, int) and abs(value) >= 2**32:
        raise ValueError(f"{where} must fit into 32 bits, got {value}")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{where} has the key {key!r}; keys are strings")
            check_plain(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            check_plain(inner, f"{where}[{i}]")


def check(make: Callable, num_given: int, settings: Mapping[str, Any]) -> None:
    """Raises TypeError where a function cannot be called with these settings, and says what it takes.

    num_given: how many arguments it is called with before its settings. Settings are checked against the function's
    annotations as far as these are plain types; what is no plain value (a thing that was built, an array) passes.
    """
    try:
        parameters = inspect.signature(make).parameters
    except ValueError:  # of some that are written in C there is none
        return
    named = [one for one in parameters.values() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    positional = [one for one in parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if num_given > len(positional) and not any(one.kind is one.VAR_POSITIONAL for one in parameters.values()):
        raise TypeError(f"is called with {num_given} arguments before its settings, but takes {len(positional)}")
    given = {one.name for one in positional[:num_given]}
    takes = {one.name: one for one in named if one.name not in given}
    if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        for key in settings:
            if key not in takes:
                there = ", ".join(takes) or "none"
                raise TypeError(f"got an unexpected keyword argument {key!r}{near(key, takes)}; there are {there}")
    if missing := [name for name, one in takes.items() if one.default is one.empty and name not in settings]:
        example = ", ".join(f"{name!r}: .." for name in ("name", *missing))
        raise TypeError(f"needs {', '.join(missing)}; give them in the config, beside its name: {{{example}}}")
    inspect.signature(make).bind(*(None,) * num_given, **settings)
    for key, value in settings.items():
        if key in takes and not _fits(value, takes[key].annotation):
            raise TypeError(f"{key} must be {_described(takes[key].annotation)}, got {value!r}")


def takes(make: Callable, name: str) -> bool:
    """Whether a function has an argument of this name."""
    try:
        return name in inspect.signature(make).parameters
    except ValueError:  # of some that are written in C there is none
        return False


def check_views(make: Callable, num_views: int, settings: Mapping[str, Any], where: str) -> None:
    """Raises ValueError where an eval takes another number of views than it has members."""
    parameters = inspect.signature(make).parameters.values()
    takes = [
        one.name
        for one in parameters
        if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is one.empty and one.name not in settings
    ]
    if len(takes) != num_views and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        raise ValueError(
            f"{where} takes {', '.join(takes) or 'no view'}, but has the views of {num_views} members; name as many "
            "in 'members': ('', ..), or give the others as settings"
        )


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Inside, what a function that a config names raises is a ValueError that begins with `what`."""
    try:
        yield
    except jax.errors.JAXTypeError:  # a TypeError too, but no mistake of the config's
        raise
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError) as error:
        hint = "; is a size 0?" if isinstance(error, ZeroDivisionError) else ""
        raise ValueError(f"{what}: {type(error).__name__}: {error}{hint}") from error


def near(name: Any, names: Iterable[str]) -> str:
    """What to say after a name that is none of these: which of them is like it, if any."""
    like = difflib.get_close_matches(str(name), [str(other) for other in names], 1, cutoff=0.65)
    return f" (did you mean {like[0]!r}?)" if like else ""


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a value may be what an annotation says; of annotations that say more than plain types, anything may."""
    kind = get_origin(annotation) or annotation
    if not isinstance(value, _PLAIN):
        return True
    if kind in (Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(annotation))
    if kind in (int, float):
        return isinstance(value, int | kind) and not isinstance(value, bool)
    if kind in (bool, str):
        return isinstance(value, kind)
    if kind in (None, type(None)):
        return value is None
    if kind in _ARRAYS:
        return isinstance(value, int | float | list | tuple) and not isinstance(value, bool)
    if kind is Callable:
        return False
    if kind in _SEQUENCES:
        of = [one for one in get_args(annotation) if one is not ...]
        return isinstance(value, list | tuple) and (len(of) != 1 or all(_fits(inner, of[0]) for inner in value))
    if isinstance(kind, type) and issubclass(kind, tuple):  # a named tuple, such as optax's transformations
        return isinstance(value, list | tuple)
    if kind in (dict, Mapping):
        return isinstance(value, Mapping)
    return True


_SEQUENCES = (list, tuple, Sequence)
_ARRAYS = (jax.Array, np.ndarray, np.number, np.bool, complex)
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a string",
    type(None): "None",
    None: "None",
    Callable: "a mapping with a `name`",
}


def _described(annotation: Any) -> str:
    """The type of a setting, in words."""
    kind = get_origin(annotation) or annotation
    if kind in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(filter(None, map(_described, get_args(annotation)))))
    if kind in _SEQUENCES:
        of = [_described(one) for one in get_args(annotation) if one is not ...]
        return f"a tuple, each {of[0]}" if of and of[0] else "a tuple"
    if kind in (dict, Mapping):
        return "a dict"
    if kind in _ARRAYS:
        return "a number"
    is_named_tuple = isinstance(kind, type) and issubclass(kind, tuple)
    return _WORDS[Callable] if is_named_tuple else _WORDS.get(kind, "")
