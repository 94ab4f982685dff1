"""How a program of this package starts and how it fails: absl flags, and for a mistake one line and exit status 2."""

import contextlib
import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from absl import app, flags, logging

_DEBUG = flags.DEFINE_bool("debug", False, "Show the traceback of an error instead of one line.")


class UserError(Exception):
    """Something the user can mend. The message is one line that says how; the program's exit status is `status`."""

    def __init__(self, message: str, status: int = 2):
        super().__init__(message)
        self.status = status


def run(
    main: Callable[[list[str]], int | None],
    *,
    pass_on_unknown: bool = False,
    explain: Callable[[list[str]], None] | None = None,
) -> None:
    """Parses the flags and calls main(argv); a UserError ends the program with its message and exit status 2.

    argv holds what is no flag; with `pass_on_unknown`, unknown flags too. explain: (argv), called after --help.
    """
    _print_anything()
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS["debug"])  # --help of the program shows it
    app.run(lambda argv: guarded(lambda: main(argv)), flags_parser=lambda argv: _parse(argv, pass_on_unknown, explain))


@contextlib.contextmanager
def user_errors(*mistakes: type[BaseException], saying: str = "") -> Iterator[None]:
    """Inside, these exceptions are the user's mistakes: a UserError with their message on one line."""
    try:
        yield
    except UserError:
        raise
    except mistakes as error:
        raise UserError(saying + one_line(error)) from error


def one_line(error: BaseException) -> str:
    """The message of an exception on one line, cut where it becomes a report."""
    while error.args and isinstance(error.args[0], BaseException):  # ml_collections wraps errors in errors
        error = error.args[0]
    message = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    words = " ".join(message.split())
    words = words if len(words) < 600 else f"{words[:600]} .."
    explains_itself = isinstance(error, UserError | ValueError | OSError | LookupError | flags.Error) and words
    return words if explains_itself else f"{type(error).__name__}: {words} (--debug shows where)"


def no_arguments(argv: list[str]) -> None:
    """Refuses arguments that are not flags."""
    if argv[1:]:
        raise UserError(f"unexpected argument {argv[1]!r}; flags are written --name=value")


def _print_anything() -> None:
    """Makes a terminal or a pipe that lacks a character, as ASCII lacks ±, print a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # of a stream that was exchanged beneath
                stream.reconfigure(errors="replace")


def guarded(call: Callable) -> Any:
    """Calls it; a UserError ends the program with its message and its exit status."""
    try:
        return call()
    except UserError as error:
        if _DEBUG.value if flags.FLAGS.is_parsed() else "--debug" in sys.argv:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.status)
    except KeyboardInterrupt:
        sys.exit(130)


def _parse(argv: list[str], pass_on_unknown: bool, explain: Callable | None) -> list[str]:
    def parse():
        try:
            with user_errors(Exception):
                rest = flags.FLAGS(argv, known_only=pass_on_unknown)
            if not flags.FLAGS["verbosity"].present:  # what libraries log of an error, the error's one line says
                logging.set_verbosity(logging.WARNING if _DEBUG.value else logging.FATAL)
            return rest
        except SystemExit:  # --help
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `--help | head` ends without a traceback
            if explain:
                explain(argv)
            sys.exit(0)  # absl says 1

    return guarded(parse)
