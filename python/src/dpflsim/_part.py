"""What the classes of a scenario have in common: reading from and writing to JSON objects."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import os
import pathlib
import types
import typing
from typing import Any

from .errors import InvalidInput, Problem


class _Unset:
    """The value of a setting that is not given."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> _Unset:
        return self

    def __deepcopy__(self, _: Any) -> _Unset:
        return self


UNSET: Any = _Unset()


class Part:
    """A JSON object of a scenario. A name that is no setting is refused, also when it is assigned."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, with what was given alone."""
        members = {}
        for one in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if value is not UNSET:
                members[_key(one.name)] = plain(value)
        return members

    @classmethod
    def from_dict(cls, members: dict[str, Any], place: str = "") -> typing.Self:
        """Reads a JSON object.

        What is required and missing stays unset: dpflsim says so when the scenario is used.

        Raises:
            InvalidInput: a key is unknown.
        """
        kinds = _kinds(typing.cast(Any, cls))
        names = {_key(name): name for name in kinds}
        part = cls.__new__(cls)
        for one in dataclasses.fields(cls):  # type: ignore[arg-type]
            setattr(part, one.name, UNSET if one.init else one.default)
        for key, value in members.items():
            here = f"{place}.{key}" if place else key
            if key == "$schema":
                continue
            if key not in names:
                near = difflib.get_close_matches(key, names, 1)
                fix = f'did you mean "{near[0]}"?' if near else "known are " + ", ".join(sorted(names))
                raise InvalidInput([Problem(here, "unknown key", fix)])
            setattr(part, names[key], _read(value, kinds[names[key]], here))
        return part

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{one.name}={getattr(self, one.name)!r}"
            for one in dataclasses.fields(self)  # type: ignore[arg-type]
            if one.init and getattr(self, one.name) is not UNSET
        )
        return f"{type(self).__name__}({shown})"


class ScenarioMethods(Part):
    """Files of scenarios."""

    __slots__ = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> typing.Self:
        """Reads a scenario file; its relative paths become absolute.

        Raises:
            InvalidInput: the file holds no JSON object, or an unknown key.
            OSError: the file cannot be read.
        """
        file = pathlib.Path(path)
        try:
            members = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidInput([Problem(str(file), f"is no JSON ({error})", "write a JSON object")]) from None
        if not isinstance(members, dict):
            raise InvalidInput([Problem(str(file), "holds no object", "write a JSON object")])
        return cls.from_dict(absolute(members, file.parent))

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a scenario file, whose relative paths begin at its folder."""
        pathlib.Path(path).write_text(self.to_json(), encoding="utf-8")


def plain(value: Any) -> Any:
    """A value as `json` writes it: parts as objects, paths as text, numbers of NumPy as numbers."""
    if isinstance(value, Part):
        return value.to_dict()
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [plain(member) for member in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def absolute(members: dict[str, Any], folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The same with the files that data and model name (`path`, `..._path`) as absolute paths."""
    members = dict(members)
    for room in ("data", "model"):
        if isinstance(members.get(room), dict):
            members[room] = {
                key: os.path.abspath(os.path.join(folder, os.path.expanduser(value)))
                if is_path(key) and isinstance(value, str)
                else value
                for key, value in members[room].items()
            }
    return members


def is_path(key: str) -> bool:
    """Whether a key names a file or folder."""
    return key == "path" or key.endswith("_path")


def _key(name: str) -> str:
    """The JSON key of an attribute: `lambda_` stands for `lambda`."""
    return name.removesuffix("_")


@functools.lru_cache(maxsize=None)
def _kinds(cls: Any) -> dict[str, Any]:
    """The types of the settings of a class."""
    hints = typing.get_type_hints(cls)
    return {one.name: hints[one.name] for one in dataclasses.fields(cls)}


def _read(value: Any, kind: Any, place: str) -> Any:
    """A value with the objects in it as parts, where the type has parts."""
    choices = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, dict):
        parts = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, Part)]
        chosen = [part for part in parts if _fits(part, value)]
        return chosen[0].from_dict(value, place) if chosen else value
    if isinstance(value, list):
        for choice in choices:
            if typing.get_origin(choice) is list:
                (item,) = typing.get_args(choice)
                return [_read(member, item, f"{place}[{index}]") for index, member in enumerate(value)]
    return value


def _fits(part: type[Part], value: dict[str, Any]) -> bool:
    """Whether an object says that it is of this class, where the class has a name to be told by."""
    fixed = [one for one in dataclasses.fields(part) if not one.init]  # type: ignore[arg-type]
    return all(value.get(_key(one.name)) == one.default for one in fixed)
