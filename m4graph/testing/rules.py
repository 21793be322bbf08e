"""What the conformance checks share: rules with names, and the error that says which is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from m4graph.core.calls import plain_call
from m4graph.core.errors import InputError, M4GraphError


class ConformanceError(M4GraphError):
    """A plug-in that breaks a rule of its kind.

    Args:
        subject (str): The plug-in, as in ``"conv 'gat'"``.
        rule (str): The rule, as in ``"order of edges"``.
        problem (str): What was expected, and what came.
    """

    def __init__(self, subject: str, rule: str, problem: str) -> None:
        super().__init__(f"{subject}: rule {rule!r}: {problem}")
        self.subject, self.rule, self.problem = subject, rule, problem


@plain_call
@dataclass(frozen=True)
class Report:
    """The rules that a plug-in keeps.

    Args:
        subject (str): The plug-in.
        rules (tuple[str, ...]): Names of the rules, in the order in which they were tried.
    """

    subject: str
    rules: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.subject}: {len(self.rules)} rules hold: {', '.join(self.rules)}"


class Rules:
    """Tries the rules of one plug-in, each in a ``with`` block of its own.

    Args:
        kind (str): As in ``"conv"``.
        plugin (object): A name, or what stands for one.
    """

    def __init__(self, kind: str, plugin: object) -> None:
        name = plugin if isinstance(plugin, str) else getattr(plugin, "__name__", None)
        self.subject = f"{kind} {type(plugin).__name__ if name is None else name!r}"
        self._kept: list[str] = []

    @property
    def report(self) -> Report:
        """The rules that were kept so far."""
        return Report(self.subject, tuple(self._kept))

    @contextmanager
    def __call__(self, rule: str) -> Iterator[None]:
        """A rule; whatever is raised inside breaks it.

        Raises:
            ConformanceError: If it is broken.
        """
        try:
            yield
        except _Broken as broken:
            raise ConformanceError(self.subject, rule, str(broken)) from None
        except Exception as error:
            problem = f"expected no error (got {type(error).__name__}: {error})"
            raise ConformanceError(self.subject, rule, problem) from error
        self._kept.append(rule)


class _Broken(Exception):
    """What was expected, and what came."""


def expect(holds: bool, expected: str, got: object) -> None:
    """Breaks the rule around it unless a condition holds.

    Args:
        holds (bool): The condition.
        expected (str): What was expected, behind the word "expected".
        got (object): What came.
    """
    if not holds:
        raise _Broken(f"expected {expected} (got {got})")


def expect_equal(got: ArrayLike, wanted: ArrayLike, expected: str) -> None:
    """Breaks the rule around it unless two arrays are equal, NaN where NaN is."""
    ours, theirs = np.asarray(got), np.asarray(wanted)
    same_shape = ours.shape == theirs.shape
    expect(same_shape, expected, f"shape {ours.shape} in place of {theirs.shape}")
    differ = np.flatnonzero((ours != theirs) & ~((ours != ours) & (theirs != theirs)))
    if len(differ):
        first = differ[0]
        pair = f"{ours.reshape(-1)[first]} in place of {theirs.reshape(-1)[first]}"
        raise _Broken(f"expected {expected} (got {pair} at {first}; {len(differ)} differ)")


def expect_refused(
    act: Callable[[], Any], expected: str, error: type[M4GraphError] = InputError
) -> None:
    """Breaks the rule around it unless something is refused, in one line."""
    try:
        made = act()
    except error as refusal:
        expect("\n" not in str(refusal), "a message of one line", repr(str(refusal)))
    except Exception as other:
        raise _Broken(
            f"expected {expected}, by an m4graph.core.errors.{error.__name__} "
            f"(got {type(other).__name__}: {other})"
        ) from None
    else:
        raise _Broken(f"expected {expected} (got {made!r})")
