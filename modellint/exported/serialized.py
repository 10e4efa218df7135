"""The JSON of an exported program as a `Program`: the schema of `torch.export`, versions 5 to 8."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modellint.exported.program import (
    Argument,
    Given,
    Held,
    Inner,
    OfTorch,
    Program,
    Ref,
    Step,
)
from modellint.exported.sizes import axis

#: By their numbers in the JSON.
_DTYPES = {
    **dict(enumerate("uint8 int8 int16 int32 int64 float16 float32 float64".split(), 1)),
    **dict(enumerate("complex32 complex64 complex128 bool bfloat16".split(), 9)),
    28: "uint16",
    **dict(enumerate("float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz".split(), 29)),
    **dict(enumerate("float8_e8m0fnu uint32 uint64".split(), 33)),
}
_LAYOUTS = {1: "sparse_coo", 2: "sparse_csr", 3: "sparse_csc", 4: "sparse_bsr", 5: "sparse_bsc"}
_LAYOUTS |= {7: "strided"}
_FORMATS = {
    1: "contiguous_format",
    2: "channels_last",
    3: "channels_last_3d",
    4: "preserve_format",
}
_POSITIONAL, _KEYWORD = 1, 2
_ATTRIBUTE = re.compile(r"L\['\w+'\]\.?|L__self__\.?")
_PATH = re.compile(r"[^\s.'\"\[\]()]+(\.[^\s.'\"\[\]()]+)*")
_AGAIN = re.compile(r"@\d+$")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a tensor's values are: a text that tied ones share, what it says of them, the bytes."""

    storage: str
    meta: Mapping[str, Any]
    values: Callable[[], bytes] | None


def read_program(
    told: Mapping[str, Any], stored: Mapping[str, Stored]
) -> tuple[Mapping[str, str], Callable[[str], Program]]:
    """The classes of the modules of a program, and what makes it when its own name is known.

    `stored` are its tensors by path. Raises `KeyError`, `TypeError` or `ValueError` for a JSON that
    has not what torch writes.
    """
    module = told["graph_module"]
    graph = module["graph"]
    inputs: list[Given] = []
    held: dict[str, Held] = {}
    constants: dict[str, Any] = {}
    for spec in module["signature"]["input_specs"]:
        ((kind, said),) = spec.items()
        if kind == "user_input":
            ((how, value),) = said["arg"].items()
            if how == "as_tensor":
                inputs.append(_given(value["name"], graph["tensor_values"][value["name"]]))
            elif "name" in (value if isinstance(value, dict) else {}):
                raise ValueError(f"an input that is {how.removeprefix('as_')}, no tensor")
        elif kind == "constant_input":
            constants[said["name"]] = _value(said["value"])
        elif kind in _HELD:
            name = said["arg"]["name"]
            held[name] = _held(kind, said, graph["tensor_values"][name], stored)
        elif kind != "token":
            raise ValueError(f"an input of the kind {kind}")
    modules: dict[str, str] = {}
    steps = tuple(_steps(graph, modules))
    outputs = _outputs(module["signature"]["output_specs"])
    ranges = {
        name: (said.get("min_val"), said.get("max_val"))
        for name, said in told["range_constraints"].items()
    }

    def program(name: str) -> Program:
        return Program(name, tuple(inputs), held, constants, steps, outputs, modules, ranges)

    return modules, program


#: What is not given by a caller: the kinds of a spec, and where they have the path.
_HELD = {
    "parameter": "parameter_name",
    "buffer": "buffer_name",
    "tensor_constant": "tensor_constant_name",
}


def _held(kind: str, said: Any, meta: Any, stored: Mapping[str, Stored]) -> Held:
    path = said[_HELD[kind]]
    found = stored.get(path)
    shape = _shape(meta)
    if kind == "parameter":
        storage = "" if found is None else found.storage
        return Held(
            path, "parameter", shape, _dtype(meta), bool(meta["requires_grad"]), None, storage
        )
    values = None
    if found is not None and found.values is not None and _by_rows(found.meta):
        values = found.values
    return Held(path, "buffer", shape, _dtype(meta), values=values)


def _by_rows(meta: Mapping[str, Any]) -> bool:
    """Whether the bytes of a tensor are its numbers in order."""
    stride = 1
    for size, step in reversed([*zip(_shape(meta), meta["strides"], strict=True)]):
        if size != 1 and step["as_int"] != stride:
            return False
        stride *= size
    return bool(meta["storage_offset"]["as_int"] == 0)


def _given(name: str, meta: Any) -> Given:
    return Given(name, tuple(axis(size) for size in meta["sizes"]), _dtype(meta))


def _shape(meta: Any) -> tuple[int, ...]:
    return tuple(int(size["as_int"]) for size in meta["sizes"])


def _dtype(meta: Any) -> str:
    return _DTYPES[meta["dtype"]]


def _outputs(specs: Any) -> Any:
    outputs: list[Any] = []
    for spec in specs:
        ((kind, said),) = spec.items()
        if kind == "user_output":
            outputs.append(_value(said["arg"]))
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


def _steps(graph: Any, modules: dict[str, str]) -> Iterator[Step]:
    """The calls of a graph; the classes of the modules that made them are added to `modules`."""
    for node in graph["nodes"]:
        arguments = tuple(
            Argument(one["name"], _value(one["arg"], modules), _by_keyword(one))
            for one in node["inputs"]
        )
        stack = node["metadata"].get("nn_module_stack")
        module = _module(stack, modules) if stack else None
        results = _results(node["outputs"])
        if isinstance(results, str) and any(isinstance(one.value, Inner) for one in arguments):
            results = (results,)  # A graph gives its results in a tuple.
        yield Step(node["target"], arguments, results, module)


def _by_keyword(argument: Any) -> bool | None:
    kind = argument.get("kind")
    return kind == _KEYWORD if kind in (_POSITIONAL, _KEYWORD) else None


def _module(stack: str, modules: dict[str, str]) -> str | None:
    """The path of the innermost module of a stack, `key,path,class` with semicolons between."""
    innermost = None
    for entry in stack.split(";"):
        _, _, rest = entry.partition(",")
        path, _, of = rest.rpartition(",")
        known = module_path(path)
        if known is None:
            continue
        modules.setdefault(known, of)
        innermost = known
    return innermost


def module_path(text: str) -> str | None:
    """A module's path as its parameters have it; `None` for what is none.

    A second call of a module has `@1` behind it, and some releases write the attribute of a frame.
    """
    path = _ATTRIBUTE.sub("", _AGAIN.sub("", text))
    path = re.sub(r"(?:getattr\()?([\w.]*), '(\w+)'\)", r"\1.\2", path)
    path = re.sub(r"\['?(\w+)'?\]", r".\1", path).strip(".")
    is_path = _PATH.fullmatch(path) is not None
    return path if (not path or is_path) and not path.startswith("_empty_nn_module") else None


def _results(outputs: Any) -> Any:
    named = [_result(one) for one in outputs]
    if not named:
        return None
    return named[0] if len(named) == 1 else tuple(named)


def _result(output: Any) -> Any:
    ((kind, said),) = output.items()
    if kind == "as_none":
        return None
    if kind in ("as_tensors", "as_optional_tensors"):
        parts = [one if "name" in one else one.get("as_tensor") for one in said]
        return tuple(None if part is None else part["name"] for part in parts)
    if kind == "as_optional_tensor":
        return _result(said)
    return said.get("as_name") or said["name"]


def _value(argument: Any, modules: dict[str, str] | None = None) -> Any:
    """An argument: a plain value, a `Ref`, or a container of these."""
    ((kind, said),) = argument.items()
    if kind == "as_none":
        return None
    if kind in ("as_tensor", "as_custom_obj"):
        return Ref(said["name"])
    if kind in ("as_tensors", "as_nested_tensors"):
        return [_listed(one) for one in said]
    if kind in ("as_optional_tensors", "as_sym_ints", "as_sym_floats", "as_sym_bools"):
        return [_value(one) for one in said]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool", "as_optional_tensor"):
        return _value(said)
    if kind == "as_name":
        return Ref(said)
    if kind == "as_scalar_type":
        return OfTorch(_DTYPES[said])
    if kind == "as_layout":
        return OfTorch(_LAYOUTS[said])
    if kind == "as_memory_format":
        return OfTorch(_FORMATS[said])
    if kind == "as_device":
        return "cpu"
    if kind == "as_float" and isinstance(said, str):  # Infinity, which JSON has not.
        return float(said)
    if kind == "as_complex":
        return complex(said["real"], said["imag"])
    if kind == "as_graph":
        return _inner(said["graph"], {} if modules is None else modules)
    if kind == "as_string_to_argument":
        return {name: _value(one, modules) for name, one in said.items()}
    if kind not in _PLAIN:
        raise ValueError(f"an argument of the kind {kind}")
    return said


#: What JSON has as it is.
_PLAIN = frozenset(
    """as_int as_ints as_float as_floats as_string as_strings as_bool as_bools as_operator
    as_int_lists as_float_lists""".split()
)


def _listed(one: Any) -> Any:
    return [Ref(inner["name"]) for inner in one] if isinstance(one, list) else Ref(one["name"])


def _inner(graph: Any, modules: dict[str, str]) -> Inner:
    names = [_value(one) for one in graph["inputs"]]
    outputs = tuple(_value(one) for one in graph["outputs"])
    steps = tuple(_steps(graph, modules))
    return Inner(tuple(one.name for one in names if isinstance(one, Ref)), steps, outputs)
