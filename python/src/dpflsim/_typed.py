"""Dataclasses from JSON documents. Fields that a later dpflsim adds are passed over."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def build(cls: type[T], document: dict[str, Any], /, **more: Any) -> T:
    """An instance of a dataclass with the fields of a JSON object; what is missing takes its default, or None.

    `more` are fields that the document does not have.
    """
    values = dict(more)
    for name, (kind, has_default) in _fields(typing.cast(Any, cls)).items():
        if name in values:
            continue
        if name in document:
            values[name] = _value(document[name], kind)
        elif not has_default:
            values[name] = None
    return cls(**values)


@functools.lru_cache(maxsize=None)
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(cls)
    missing = dataclasses.MISSING
    return {
        one.name: (hints[one.name], one.default is not missing or one.default_factory is not missing)
        for one in dataclasses.fields(cls)
        if one.init
    }


def _value(value: Any, kind: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, types.UnionType):
        kind = next(choice for choice in typing.get_args(kind) if choice is not type(None))
    origin = typing.get_origin(kind)
    if origin is list:
        return [_value(member, typing.get_args(kind)[0]) for member in value]
    if origin is dict:
        return {key: _value(member, typing.get_args(kind)[1]) for key, member in value.items()}
    if dataclasses.is_dataclass(kind):
        return build(typing.cast(Any, kind), value)
    return float(value) if kind is float else value
