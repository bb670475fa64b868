"""Models and adapters as NumPy arrays, read from safetensors. NumPy is asked for only here."""

from __future__ import annotations

import json
import math
import os
import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import CannotRead, NotInstalled, Problem

if TYPE_CHECKING:
    import numpy

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


class Tensors(dict[str, "numpy.ndarray[Any, Any]"]):
    """Arrays by name; `metadata` is what the file says about itself."""

    metadata: dict[str, str]


def load(path: str | os.PathLike[str]) -> Tensors:
    """Reads a safetensors file.

    Raises:
        CannotRead: the file is not there, is damaged, or has a type that NumPy lacks.
        NotInstalled: NumPy is not there.
    """
    try:
        import numpy
    except ImportError:
        raise NotInstalled([Problem("numpy", "is not installed", "pip install numpy")]) from None
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise CannotRead([Problem(str(path), f"cannot be read ({error.strerror})", "name a file of the run")]) from None
    try:
        begin = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:begin])
        tensors = Tensors()
        tensors.metadata = header.pop("__metadata__", {})
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            if not 0 <= first <= last <= len(content) - begin:
                raise ValueError(f"{name} lies outside of the file")
            kind = numpy.dtype(_TYPES[entry["dtype"]])
            if math.prod(entry["shape"]) * kind.itemsize != last - first:
                raise ValueError(f"{name} has other bytes than its shape")
            tensors[name] = numpy.frombuffer(content[begin + first : begin + last], kind).reshape(entry["shape"]).copy()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotRead([Problem(str(path), f"is no safetensors file ({error})", "export the run anew")]) from None
    return tensors


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter in PEFT's layout: what is added to a weight W of shape [out, in] is scale · B A."""

    tensors: Tensors
    config: dict[str, Any]

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Adapter:
        """Reads a folder with `adapter_config.json` and `adapter_model.safetensors`.

        Raises:
            CannotRead: a file is not there or is damaged.
        """
        place = pathlib.Path(folder)
        try:
            config = json.loads((place / "adapter_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CannotRead([Problem(str(place), f"holds no adapter ({error})", "export the run anew")]) from None
        return cls(load(place / "adapter_model.safetensors"), config)

    @property
    def metadata(self) -> dict[str, str]:
        """Facts of the run: ε, δ, unit of privacy and more, as text."""
        return self.tensors.metadata

    def factors(self, module: str) -> tuple[numpy.ndarray[Any, Any], numpy.ndarray[Any, Any]]:
        """A of shape [rank, in...] and B of shape [out, rank...] of a target module.

        Raises:
            KeyError: the module has no adapter.
        """
        stem = f"base_model.model.{module}"
        return self.tensors[f"{stem}.lora_A.weight"], self.tensors[f"{stem}.lora_B.weight"]

    def change(self, module: str) -> numpy.ndarray[Any, Any]:
        """scale · B A of a target module, of shape [out, in] with all inputs of an output in one row.

        Raises:
            KeyError: the module has no adapter.
        """
        a, b = self.factors(module)
        rank = a.shape[0]
        alpha = self.config.get("alpha_pattern", {}).get(module, self.config["lora_alpha"])
        scale = alpha / (math.sqrt(rank) if self.config.get("use_rslora") else rank)
        product: numpy.ndarray[Any, Any] = scale * (b.reshape(b.shape[0], rank) @ a.reshape(rank, -1))
        return product
