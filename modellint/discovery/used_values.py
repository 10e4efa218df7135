"""Values for parameters that nothing shows, by what a constructor does with them.

`Linear(n)` takes a width, `Dropout(p)` a rate, `range(depth)` a count. They are made up, and what
is built with them is told as assumed.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, cast

from modellint.discovery.declarations import Declarations, read_declarations
from modellint.discovery.names import Names, written_name
from modellint.discovery.other_files import declared_behind, read_file
from modellint.discovery.scopes import Function
from modellint.discovery.signatures import parameters_of
from modellint.source.walking import walk

Kind = Literal[
    "width",
    "channels",
    "kernel",
    "one",
    "rate",
    "rows",
    "count",
    "heads",
    "groups",
    "flag",
    "index",
    "word",
]

#: What stands for each kind: sizes that are multiples of each other, so that they fit together.
_TEXTS: Mapping[Kind, str] = {
    "width": "64",
    "channels": "16",
    "kernel": "3",
    "one": "1",
    "rate": "0.1",
    "rows": "1000",
    "count": "2",
    "heads": "4",
    "groups": "4",
    "flag": "False",
    "index": "0",
    "word": "'name'",
}
Kinds = Mapping[str | int, Kind]


def _arguments(text: str) -> Kinds:
    """What the arguments of a layer are, by place and by name: `in_features=width bias=flag`."""
    pairs = [word.split("=") for word in text.split()]
    kinds = [(name, cast("Kind", kind)) for name, kind in pairs]
    found: dict[str | int, Kind] = dict(enumerate(kind for _, kind in kinds))
    return found | dict(kinds)


_CONV = _arguments(
    "in_channels=channels out_channels=channels kernel_size=kernel stride=one padding=one "
    "dilation=one groups=one bias=flag"
)
_TRANSPOSED = _arguments(
    "in_channels=channels out_channels=channels kernel_size=kernel stride=one padding=one"
)
_RNN = _arguments("input_size=width hidden_size=width num_layers=count")
_CELL = _arguments("input_size=width hidden_size=width bias=flag")
_TRANSFORMER = _arguments("d_model=width nhead=heads dim_feedforward=width dropout=rate")
_STACK = _arguments("layer=one num_layers=count")
_ROWS = _arguments("num_embeddings=rows embedding_dim=width padding_idx=index")
_RATE = _arguments("p=rate")
_CHANNELS = _arguments("num_features=channels")
_POOL = _arguments("kernel_size=count stride=count")
_SIZES: Kinds = dict.fromkeys(range(6), "width")
_AXES = (1, 2, 3)
#: What the arguments of torch's layers are.
_LAYERS: Mapping[str, Kinds] = {
    "Linear": _arguments("in_features=width out_features=width bias=flag"),
    "LazyLinear": _arguments("out_features=width bias=flag"),
    "Bilinear": _arguments("in1_features=width in2_features=width out_features=width"),
    **dict.fromkeys([f"Conv{n}d" for n in _AXES], _CONV),
    **dict.fromkeys([f"ConvTranspose{n}d" for n in _AXES], _TRANSPOSED),
    **dict.fromkeys(["LSTM", "GRU", "RNN"], _RNN),
    **dict.fromkeys(["LSTMCell", "GRUCell", "RNNCell"], _CELL),
    **dict.fromkeys(["TransformerEncoderLayer", "TransformerDecoderLayer"], _TRANSFORMER),
    **dict.fromkeys(["TransformerEncoder", "TransformerDecoder"], _STACK),
    "MultiheadAttention": _arguments("embed_dim=width num_heads=heads dropout=rate"),
    **dict.fromkeys(["Embedding", "EmbeddingBag"], _ROWS),
    **dict.fromkeys(["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"], _RATE),
    "LeakyReLU": _arguments("negative_slope=rate"),
    **dict.fromkeys(
        [f"{kind}Norm{n}d" for kind in ("Batch", "Instance") for n in _AXES], _CHANNELS
    ),
    **dict.fromkeys(["LayerNorm", "RMSNorm"], _arguments("normalized_shape=width")),
    "GroupNorm": _arguments("num_groups=groups num_channels=channels"),
    **dict.fromkeys([f"{kind}Pool{n}d" for kind in ("Max", "Avg") for n in _AXES], _POOL),
    "Upsample": {"scale_factor": "count"},
    "PixelShuffle": _arguments("upscale_factor=count"),
    **dict.fromkeys(["zeros", "ones", "empty", "rand", "randn", "Tensor", "FloatTensor"], _SIZES),
    "arange": _arguments("end=width"),
    "range": _arguments("stop=count"),
}
#: What an annotation says where no use does.
_ANNOTATED: Mapping[str, Kind] = {"int": "width", "float": "rate", "bool": "flag", "str": "word"}
#: What the sizes of an image are called, and what stands for each.
_OF_IMAGES = (
    (frozenset("c ch channels channel in_channels nc depth".split()), "3"),
    # What is not used has no name.
    (frozenset(["", *"h w height width rows cols img_h img_w img_height".split()]), "128"),
)
#: How deep calls of the file's own classes are followed.
_DEPTH = 4
#: The longest list that is made up.
_ITEMS = 6


def used_values(
    function: Function,
    names: Names,
    declared: Declarations,
    *,
    method: bool,
    depth: int = _DEPTH,
    settings: Collection[str] = (),
) -> dict[str, str]:
    """A value, as text, for each parameter that a function uses as a layer's plain argument.

    `settings` are what it reads of parameters that are told as well: `args.width`.
    """
    reader = _Uses(function, names, declared, method=method, depth=depth, settings=settings)
    return {name: text for name in reader.parameters for text in reader.text(name)}


class _Uses:
    """What one function does with its parameters, and with what it makes of them."""

    def __init__(
        self,
        function: Function,
        names: Names,
        declared: Declarations,
        *,
        method: bool,
        depth: int,
        settings: Collection[str] = (),
    ) -> None:
        self.names = names
        self.declared = declared
        self.depth = depth
        listed = parameters_of(function, method=method)
        self.settings = frozenset(settings)
        self.parameters = (*listed.names, *self.settings)
        self.annotations = listed.annotations
        #: Local names and attributes that stand for parameters, or for items of them.
        self.meaning: dict[str, frozenset[str]] = {name: frozenset([name]) for name in listed.names}
        #: Those that hold parameters as single items beside lists, as `[size] + hidden` does.
        self.items: dict[str, frozenset[str]] = {}
        self.kinds: dict[str, Kind] = {}
        self.lists: dict[str, int] = {}
        #: Parameters that are the shape of an image, with its sizes.
        self.shapes: dict[str, list[str]] = {}
        self.objects: set[str] = set()
        for node in walk(function):
            self._bind(node)
        for node in walk(function):
            self._see(node)

    def text(self, name: str) -> Iterator[str]:
        """The value for a parameter, if what it is used for tells one."""
        if name in self.objects:
            return
        if name in self.shapes:
            yield f"({', '.join(self.shapes[name])})"
            return
        kind = self.kinds.get(name) or _ANNOTATED.get(self.annotations.get(name, ""))
        if name in self.lists:
            items = [_TEXTS[kind or "count"]] * self.lists[name]
            yield f"[{', '.join(items)}]"
        elif kind is not None:
            yield _TEXTS[kind]

    def _of(self, node: ast.expr | None) -> frozenset[str]:
        """The parameters that a name, an attribute, an item or a list of such stands for."""
        setting = self._setting(node)
        if setting:
            return setting
        match node:
            case ast.Subscript(value=inner) | ast.Starred(value=inner):
                return self._of(inner)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return frozenset[str]().union(*map(self._of, items))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._of(left) | self._of(right)
            case ast.Call(func=ast.Name(id="list" | "tuple" | "reversed"), args=[inner]):
                return self._of(inner)
            case ast.Name() | ast.Attribute():
                return self.meaning.get(written_name(node) or "", frozenset())
        return frozenset()

    def _setting(self, node: ast.expr | None) -> frozenset[str]:
        """The settings among those asked about that `args.width` or `config["width"]` reads."""
        match node:
            case ast.Attribute(value=owner, attr=key):
                pass
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(key))):
                pass
            case _:
                return frozenset()
        return frozenset({f"{one}.{key}" for one in self._of(owner)} & self.settings)

    def _single(self, node: ast.expr) -> frozenset[str]:
        """Those of them that are items where a list is made of several."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                plain = [item for item in items if not isinstance(item, ast.Starred)]
                return frozenset[str]().union(*map(self._of, plain))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._single(left) | self._single(right)
            case ast.Subscript(value=inner) | ast.Call(args=[inner]):
                return self._single(inner)
            case ast.Name() | ast.Attribute():
                return self.items.get(written_name(node) or "", frozenset())
        return frozenset()

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(
                targets
            ) == len(values):
                for one, value in zip(targets, values, strict=True):
                    self._bind(ast.Assign(targets=[one], value=value))
            case ast.Assign(targets=[target], value=value):
                name, of = written_name(target), self._of(value)
                if name is not None and of:
                    self.meaning.setdefault(name, of)
                    self.items.setdefault(name, self._single(value))
                if isinstance(target, ast.Tuple | ast.List):
                    self._unpacked(target.elts, of)
            case ast.For(target=target, iter=over) | ast.comprehension(target=target, iter=over):
                self._loop(target, over)

    def _unpacked(self, targets: list[ast.expr], of: frozenset[str]) -> None:
        """Note what a parameter is that names are unpacked from: `channels, height, width = shape`.

        They are its items, and it is one of an image's shape where all of them are called so.
        """
        written = [(written_name(target) or "").lower().strip("_") for target in targets]
        sizes = [text for word in written for words, text in _OF_IMAGES if word in words]
        for name in of:
            self._list([name], len(targets))
            if len(sizes) == len(targets) and any(written):
                self.shapes[name] = sizes
        for target in targets:
            called = written_name(target)
            if called is not None and of:
                self.meaning.setdefault(called, of)

    def _loop(self, target: ast.expr, over: ast.expr) -> None:
        """Note the lists that are walked through, and what their items are called."""
        match over:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
                if isinstance(target, ast.Tuple) and len(target.elts) == 2:
                    self._loop(target.elts[1], inner)
                return
            case ast.Call(func=ast.Name(id="zip"), args=inners):
                targets = target.elts if isinstance(target, ast.Tuple) else [target] * len(inners)
                for one, inner in zip(targets, inners, strict=False):
                    self._loop(one, inner)
                return
        of = self._of(over)
        self._list(of - self._single(over), 2)
        name = written_name(target)
        if name is not None and of:
            self.meaning.setdefault(name, of)

    def _list(self, names: Collection[str], least: int) -> None:
        for name in names:
            self.lists[name] = min(_ITEMS, max(self.lists.get(name, 0), least))

    def _see(self, node: ast.AST) -> None:
        match node:
            case ast.Call(func=func, args=arguments, keywords=keywords):
                self._called(func, arguments, keywords)
            case ast.Subscript(value=ast.Name() | ast.Attribute() as value, slice=index):
                self._indexed(self._of(value) - self._single(value), index)
            case ast.Attribute(value=ast.Name(id=name)) if name in self.parameters:
                self.objects.add(name)
            case ast.If(test=test) | ast.IfExp(test=test):
                self._flag(test)
            case ast.BinOp(left=ast.List(), op=ast.Mult(), right=right):
                self._use(right, "count")
            case ast.Starred(value=value):
                self._list(self._of(value) - self._single(value), 2)

    def _indexed(self, of: frozenset[str], index: ast.expr) -> None:
        match index:
            case ast.Constant(value=int(at)):
                self._list(of, at + 1)
            case ast.Constant():
                self.objects |= of
            case _:
                self._list(of, 2)

    def _flag(self, test: ast.expr) -> None:
        node = test.operand if isinstance(test, ast.UnaryOp) else test
        for name in self.meaning.get(written_name(node) or "", ()):
            self.kinds.setdefault(name, "flag")

    def _called(
        self, func: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]
    ) -> None:
        if isinstance(func, ast.Name | ast.Attribute):
            self.objects |= self._of(func)
        last = (self.names.dotted(func) or "").rpartition(".")[2]
        if last in ("len", "sum") and arguments:
            self._list(self._of(arguments[0]) - self._single(arguments[0]), 2)
            return
        kinds = self._kinds(func, last)
        for at, argument in enumerate(arguments):
            if at in kinds:
                self._use(argument, kinds[at])
        for word in keywords:
            if word.arg is not None and word.arg in kinds:
                self._use(word.value, kinds[word.arg])
            elif word.arg == "size" and kinds is _SIZES:
                self._use(word.value, "width")

    def _kinds(self, func: ast.expr, last: str) -> Kinds:
        """What the arguments of a layer, or of a class or function of the file, are."""
        dotted = self.names.dotted(func) or ""
        if dotted == "range" or dotted.startswith("torch."):
            return _LAYERS.get(last, {})
        if not self.depth:
            return {}
        names, declared = self.names, self.declared
        inner = constructor_of(dotted, declared)
        behind = declared_behind(dotted, declared.path or "") if inner is None else None
        read = read_file(behind[0]) if behind is not None else None
        if behind is not None and read is not None:
            dotted, names = behind[1], read[1]
            declared = read_declarations(*read, behind[0])
            inner = constructor_of(dotted, declared)
        if inner is None:
            return {}
        handed = _handed_on(inner)
        if handed is not None:
            wrapped = names.dotted(handed) or ""
            return _LAYERS.get(wrapped.rpartition(".")[2], {})
        method = dotted in declared.classes
        uses = _Uses(inner, names, declared, method=method, depth=self.depth - 1)
        plain: Kinds = {name: kind for name, kind in uses.kinds.items() if name not in uses.lists}
        return {**plain, **{at: plain[n] for at, n in enumerate(uses.parameters) if n in plain}}

    def _use(self, node: ast.expr, kind: Kind) -> None:
        """Note what the parameters in an argument are: `4 * width` is a width as `width` is."""
        match node:
            case ast.BinOp(left=left, right=right):
                # A sum of sizes may have been sized already, and a ratio is none.
                self._use(left, kind)
                self._use(right, kind)
            case ast.Call(func=ast.Name(id="int" | "round" | "max" | "min"), args=arguments):
                for argument in arguments:
                    self._use(argument, kind)
            case ast.Tuple(elts=items) | ast.List(elts=items) if kind == "width":
                for item in items:
                    self._use(item, kind)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                of = self._of(node)
                # A setting is that setting, and not what holds it.
                for name in (of & self.settings) or of:
                    if self.kinds.get(name) in (None, "flag"):
                        self.kinds[name] = kind


def _handed_on(function: Function) -> ast.expr | None:
    """What a function calls with all that it is given: `norm(nn.Conv1d(*args, **kwargs))`."""
    variadic = function.args.vararg
    if variadic is None or function.args.args:
        return None
    for node in walk(function):
        match node:
            case ast.Call(func=func, args=[ast.Starred(value=ast.Name(id=name))]):
                if name == variadic.arg:
                    return func
    return None


def constructor_of(name: str, declared: Declarations) -> Function | None:
    """The function that runs where a class or function of the file is called, if it is there."""
    if name in declared.functions:
        return declared.functions[name]
    seen: set[str] = set()
    while name in declared.classes and name not in seen:
        seen.add(name)
        for item in declared.classes[name].node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return item
        name = next((base for base in declared.classes[name].bases if base in declared.classes), "")
    return None
