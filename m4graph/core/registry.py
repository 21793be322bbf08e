"""One resolver for every kind of plug-in: by object, or by name.

Built-in plug-ins are dotted names, imported on first use; that keeps imports pointing downwards
through the layers. Other packages add theirs by :meth:`Registry.register`, or without an import
through an entry point in the group ``m4graph.<kind>`` (blanks in the kind become ``_``).
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast, overload

from m4graph.core.calls import plain_call
from m4graph.core.errors import ConfigError
from m4graph.core.lazy import load

T = TypeVar("T")


@plain_call
class Registry(Generic[T]):
    """Names and their plug-ins. Case, ``_``, ``-`` and blanks in a name do not matter.

    Args:
        kind (str): What is registered, in the singular, as in ``"topology"``; used in messages
            and as the entry-point group.
        builtins (Mapping[str, str]): Name to ``"package.module:attribute"``.
    """

    def __init__(self, kind: str, builtins: Mapping[str, str]) -> None:
        self.kind = kind
        self._display = {_key(name): name for name in builtins}
        self._dotted = {_key(name): dotted for name, dotted in builtins.items()}
        self._objects: dict[str, T] = {}
        self._plugins: dict[str, EntryPoint] | None = None

    @overload
    def register(self, name: str) -> Callable[[T], T]: ...

    @overload
    def register(self, name: str, obj: T) -> T: ...

    def register(self, name: str, obj: T | None = None) -> T | Callable[[T], T]:
        """Adds a plug-in: ``register(name, obj)``, or ``@register(name)`` above it.

        Raises:
            ConfigError: If the name already stands for another plug-in.
        """
        if obj is None:
            return lambda decorated: self.register(name, decorated)
        key = _key(name)
        if key in self._dotted or self._objects.get(key, obj) is not obj:
            raise ConfigError(
                f"{self.kind} {name!r}: expected a new name (got one that is already taken)"
            )
        self._objects[key] = obj
        self._display[key] = name
        return obj

    def resolve(self, name_or_obj: str | T) -> T:
        """Gives the plug-in of a name; anything but a string is given back as it is.

        Raises:
            ConfigError: If the name is unknown (the message lists the valid ones), or if the
                plug-in of another package cannot be loaded.
        """
        if not isinstance(name_or_obj, str):
            return name_or_obj
        key = _key(name_or_obj)
        if key not in self._objects:
            self._objects[key] = self._load(key, name_or_obj)
        return self._objects[key]

    def spelling(self, name: str) -> str:
        """A name as it was registered; one that is not registered stays as it is."""
        key = _key(name)
        if key in self._display:  # before a look at what is installed, which takes some 10 ms
            return self._display[key]
        plugin = self._entry_points().get(key)
        return name if plugin is None else plugin.name

    def name_of(self, obj: T) -> str | None:
        """The name that stands for an object; ``None`` if there is none."""
        return next((name for name, known in self.loadable() if known is obj), None)

    def names(self) -> list[str]:
        """The valid names, sorted."""
        plugins = {key: plugin.name for key, plugin in self._entry_points().items()}
        return sorted((plugins | self._display).values())

    def loadable(self) -> Iterator[tuple[str, T]]:
        """Names and plug-ins, sorted, without those of other packages that cannot be loaded."""
        for name in self.names():
            try:
                plugin = self.resolve(name)
            except ConfigError:
                continue
            yield name, plugin

    def __contains__(self, name: str) -> bool:
        key = _key(name)
        return key in self._display or key in self._entry_points()

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}, {self.names()})"

    def _load(self, key: str, name: str) -> T:
        if key in self._dotted:
            return cast(T, load(self._dotted[key]))
        plugin = self._entry_points().get(key)
        if plugin is None:
            raise ConfigError(self._unknown(name))
        try:
            return cast(T, plugin.load())
        except Exception as error:
            raise ConfigError(
                f"{self.kind} {name!r}: expected a plug-in at {plugin.value!r} that loads "
                f"(got {type(error).__name__}: {error})"
            ) from error

    def _unknown(self, name: str) -> str:
        names = {_key(valid): valid for valid in self.names()}
        close = difflib.get_close_matches(_key(name), names, n=1)
        hint = f"; did you mean {names[close[0]]!r}?" if close else ""
        valid = ", ".join(names.values()) or "none are registered"
        return f"unknown {self.kind}: expected one of {valid} (got {name!r}){hint}"

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            self._plugins = {}
            for plugin in entry_points(group=f"m4graph.{self.kind.replace(' ', '_')}"):
                if _key(plugin.name) in self._dotted:
                    warnings.warn(
                        f"{self.kind} {plugin.name!r} of {plugin.value!r} is left out: "
                        "a built-in one has that name",
                        stacklevel=3,
                    )
                    continue
                self._plugins[_key(plugin.name)] = plugin
        return self._plugins


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
