"""Tables as pandas frames. pandas is asked for only here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from .errors import NotInstalled, Problem

T = TypeVar("T")


def frame(rows: Iterable[dict[str, Any]], columns: Sequence[str] | None = None) -> Any:
    """A `pandas.DataFrame` of rows.

    Raises:
        NotInstalled: pandas is not there.
    """
    try:
        import pandas
    except ImportError:
        raise NotInstalled([Problem("pandas", "is not installed", "pip install pandas")]) from None
    return pandas.DataFrame(list(rows), columns=columns)


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """The fields of a dataclass as one row; those of parts get the part's name in front, lists stay lists."""
    row: dict[str, Any] = {}
    for one in dataclasses.fields(value):
        member = getattr(value, one.name)
        if dataclasses.is_dataclass(member):
            row |= flat(member, f"{prefix}{one.name}_")
        else:
            row[prefix + one.name] = member
    return row


class Rows(Sequence[T], Generic[T]):
    """A list of records that can become a frame."""

    def __init__(self, items: Iterable[T], kind: type[T]) -> None:
        self._items = list(items)
        self._kind = kind

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (Rows, list)) else NotImplemented

    def frame(self) -> Any:
        """One row a record, as a `pandas.DataFrame`."""
        names = [one.name for one in dataclasses.fields(self._kind)]  # type: ignore[arg-type]
        return frame([flat(item) for item in self._items], None if self._items else names)

    def __repr__(self) -> str:
        return repr(self._items)

    def _repr_html_(self) -> str | None:
        try:
            return str(self.frame()._repr_html_())
        except NotInstalled:
            return None
