"""Building candidates: the ladder, what is missing, construction sites."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

from modellint.building.builder import BuiltModel, build
from modellint.building.loader import LoadedModule, load
from modellint.discovery.candidates import discover, find, with_arguments
from modellint.errors import FileError, NotAnalysed
from modellint.modules.construction_sites import ConstructionSite
from modellint.source.file import read_source

HEADER = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading changes the process as a worker may: paths and arguments are put back."""
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))


def write(folder: Path, text: str, name: str = "net.py") -> Path:
    path = folder / name
    path.write_text(HEADER + textwrap.dedent(text))
    return path


def opened(path: Path) -> LoadedModule:
    source = read_source(path)
    return load(source, discover(source), root=str(path.parent))


def built(folder: Path, text: str, name: str = "Net") -> BuiltModel:
    path = write(folder, text)
    source = read_source(path)
    candidates = discover(source)
    candidate = find(candidates, name)
    assert candidate is not None
    return build(load(source, candidates, root=str(folder)), candidate)


def devices(model: nn.Module) -> set[str]:
    return {parameter.device.type for parameter in model.parameters()}


def test_model_is_built_on_meta(tmp_path: Path) -> None:
    result = built(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self, size=150_000):
                super().__init__()
                self.fc = nn.Linear(size, size)  # 90 GB
            def forward(self, x):
                return self.fc(x)
        """,
    )
    assert type(result.model).__name__ == "Net"
    assert devices(result.model) == {"meta"}
    assert result.how == "defaults"


def test_constructor_that_reads_values_is_built_without_keeping_parameters(tmp_path: Path) -> None:
    result = built(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                rates = [x.item() for x in torch.linspace(0, 0.1, 3)]
                self.layers = nn.ModuleList(nn.Dropout(rate) for rate in rates)
                self.fc = nn.Linear(3, 3)
                self.tied = self.fc.weight
                self.register_buffer("table", torch.arange(3))
            def forward(self, x):
                return self.fc(x)
        """,
    )
    assert devices(result.model) == {"meta"}
    assert result.model.layers[2].p == pytest.approx(0.1)
    assert result.model.tied is result.model.fc.weight
    assert result.model.table.tolist() == [0, 1, 2]


def test_constructor_that_reads_parameters_is_built_plainly(tmp_path: Path) -> None:
    result = built(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)
                self.scale = float(self.fc.weight.abs().max())
            def forward(self, x):
                return self.fc(x)
        """,
    )
    assert result.model.scale > 0


@pytest.mark.parametrize(
    "line",
    [
        "self.fc = nn.Linear(3, 3).cuda()",
        "self.fc = nn.Linear(3, 3).to('cuda')",
        "self.fc = nn.Linear(3, 3, device='cuda:0')",
        "self.fc = nn.Parameter(torch.zeros(3, device=torch.device('cuda')))",
        "self.fc = nn.Parameter(torch.zeros(3).cuda())",
        "self.fc = nn.Parameter(torch.zeros(3).to('cuda', non_blocking=True))",
        "self.fc = nn.Linear(3, 3); self.to(torch.device('cuda'), torch.float64); self.cuda()",
        "self.fc = nn.LazyLinear(3)",
        "self.fc = nn.LSTM(3, 4, 2, bidirectional=True)",
        "self.fc = nn.utils.weight_norm(nn.Linear(3, 3))",
        "self.fc = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3))",
        "self.fc = nn.Linear(3, 3); self.fc.load_state_dict(torch_state())",
        "self.fc = torch.compile(nn.Linear(3, 3))",
    ],
)
def test_constructor_builds_without_its_device(tmp_path: Path, line: str) -> None:
    result = built(
        tmp_path,
        f"""
        def torch_state():
            return {{"weight": torch.zeros(3, 3, device="cpu"), "bias": torch.zeros(3)}}
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                {line}
            def forward(self, x):
                return x
        """,
    )
    assert type(result.model).__name__ == "Net"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("self.fc = nn.Conv2d(3, 8, 3, groups=2)", "groups"),
        ("self.fc = nn.Conv2d(3, 8, 3, padding='same', stride=2)", "padding"),
        ("self.fc = nn.Linear(-1, 4)", "negative"),
        ("self.fc = [][0]", "IndexError"),
        ("import sys; sys.exit(0)", "sys.exit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("self.net = Net()", "RecursionError"),
    ],
)
def test_constructor_that_raises_is_an_error_at_its_line(
    tmp_path: Path, line: str, word: str
) -> None:
    with pytest.raises(FileError) as caught:
        built(
            tmp_path,
            f"""
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    {line}
                def forward(self, x):
                    return x
            """,
        )
    assert (caught.value.kind, caught.value.line) == ("build-error", 8)
    assert word in caught.value.message


def test_exception_that_cannot_be_printed_is_still_reported(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        built(
            tmp_path,
            """
            class Awkward(Exception):
                def __str__(self):
                    raise KeyboardInterrupt
            class Net(nn.Module):
                def __init__(self):
                    raise Awkward("x" * 10_000)
                def forward(self, x):
                    return x
            """,
        )
    assert caught.value.message == "Awkward: <unprintable>"


@pytest.mark.parametrize("body", ["self.fc = nn.Linear(3, 3)", "self.size = 3"])
def test_missing_super_call_is_an_error_with_the_fix(tmp_path: Path, body: str) -> None:
    with pytest.raises(FileError) as caught:
        built(
            tmp_path,
            f"""
            class Net(nn.Module):
                def __init__(self):
                    {body}
                def forward(self, x):
                    return x
            """,
        )
    assert caught.value.kind == "build-error"
    assert "super().__init__()" in caught.value.message


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("len(torch.load('weights.pt'))", "weights.pt"),
        ("import no_such_package", "no_such_package"),
        ("raise ImportError('Please install fast_norms')", "fast_norms"),
        ("raise AssertionError('Torch not compiled with CUDA enabled')", "CUDA"),
        ("import urllib.error; raise urllib.error.URLError('no route')", "network"),
    ],
)
def test_what_is_missing_here_is_no_error(tmp_path: Path, line: str, word: str) -> None:
    with pytest.raises(NotAnalysed) as caught:
        built(
            tmp_path,
            f"""
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    {line}
                def forward(self, x):
                    return x
            """,
        )
    assert caught.value.line == 8
    assert word in caught.value.reason


NEEDY = """
class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc = nn.Linear(3, hidden)
    def forward(self, x):
        return self.fc(x)
"""


def test_missing_arguments_are_named_at_the_constructor(tmp_path: Path) -> None:
    with pytest.raises(NotAnalysed) as caught:
        built(tmp_path, NEEDY.replace("3, hidden", "3, hidden.size"))
    assert "hidden" in caught.value.reason
    assert caught.value.line == 6


def test_arguments_can_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, NEEDY)
    source = read_source(path)
    (candidate,) = discover(source)
    loaded = load(source, [candidate], root=str(tmp_path))
    result = build(loaded, with_arguments(candidate, {"hidden": 7}, "configuration"))
    assert result.model.fc.out_features == 7
    with pytest.raises(NotAnalysed):
        build(loaded, with_arguments(candidate, {"no_such": 7}, "configuration"))


def test_each_module_knows_the_call_that_made_it(tmp_path: Path) -> None:
    result = built(
        tmp_path,
        """
        def block(width):
            return nn.Sequential(
                nn.Conv2d(3, width, 3),
                nn.ReLU(),
            )
        class Net(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.a = block(width); self.b = nn.Linear(
                    3, 4)
                self.copied = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2)
            def forward(self, x):
                return self.b(self.a(x))
        if __name__ == "__main__":
            net = Net(4)
        """,
    )
    path = str(tmp_path / "net.py")
    lines = Path(path).read_text().splitlines()

    def text(module: nn.Module) -> str:
        origin = result.origin(module)
        assert origin is not None and origin.user is not None
        site = origin.user
        assert site.path == path
        assert site.column is not None and site.end_column is not None
        end = site.end_column if site.line == site.end_line else None
        return lines[site.line - 1][site.column : end]

    model = result.model
    assert text(model.a[0]) == "nn.Conv2d(3, width, 3)"
    assert text(model.a) == "nn.Sequential("
    assert text(model.b) == "nn.Linear("
    assert text(model) == "Net(4)"
    copied = text(model.copied.layers[1].linear1)
    assert copied == "nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2)"


def test_model_without_a_call_in_the_file_is_placed_at_its_class(tmp_path: Path) -> None:
    result = built(tmp_path, NEEDY.replace("hidden):", "hidden=3):"))
    origin = result.origin(result.model)
    assert origin is not None
    assert origin.site == ConstructionSite(str(tmp_path / "net.py"), 5, None, 5, None)


def test_module_made_in_a_library_knows_the_users_line(tmp_path: Path) -> None:
    library = tmp_path / "site-packages" / "somelib"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(
        "from torch import nn\ndef head():\n    return nn.Linear(3, 3)\n"
    )
    result = built(
        tmp_path,
        """
        import sys
        sys.path.insert(0, __file__.replace("net.py", "site-packages"))
        from somelib import head
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.head = head()
            def forward(self, x):
                return self.head(x)
        """,
    )
    origin = result.origin(result.model.head)
    assert origin is not None and origin.user is not None
    assert origin.site.path.endswith("somelib/__init__.py") and origin.site.line == 3
    assert origin.user.path == str(tmp_path / "net.py") and origin.user.line == 11


def test_hostile_methods_of_a_model_are_never_called(tmp_path: Path) -> None:
    methods = "__repr__ __len__ __iter__ __eq__ __hash__ __bool__".split()
    raising = "".join(
        f"\n            def {name}(self, *args):\n                raise RuntimeError"
        for name in methods
    )
    result = built(
        tmp_path,
        f"""
        class Part(nn.Module):{raising}
            def forward(self, x):
                return x
        class Net(nn.Module):{raising}
            def __init__(self):
                super().__init__()
                self.part = Part()
            def forward(self, x):
                return self.part(x)
        """,
    )
    assert result.origin(result.model.part) is not None


def test_module_level_instance_is_taken_as_the_file_leaves_it(tmp_path: Path) -> None:
    result = built(
        tmp_path,
        """
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(3, 3))
        net[1] = nn.Linear(6, 5)
        net.eval()
        """,
        "net",
    )
    assert result.model[1].out_features == 5
    origin = result.origin(result.model[0])
    assert origin is not None and origin.site.line == 5 and origin.site.column == 20
    assert devices(result.model) == {"meta"}


def test_wrappers_are_taken_off(tmp_path: Path) -> None:
    text = NEEDY + textwrap.dedent(
        """
        def net():
            return nn.DataParallel(Net(3))
        """
    )
    assert type(built(tmp_path, text, "net").model).__name__ == "Net"


SCRIPTED = {
    "a class": "class Net(torch.jit.ScriptModule):",
    "its part": "class Part(torch.jit.ScriptModule):",
}


@pytest.mark.parametrize("line", SCRIPTED.values(), ids=SCRIPTED)
def test_what_is_scripted_is_built_as_its_python_says(tmp_path: Path, line: str) -> None:
    text = f"""
{line}
    def __init__(self, width=3):
        super().__init__()
        self.scale = torch.jit.Attribute(2, int)
        self.fc = nn.Linear(width, width + 1)
    @torch.jit.script_method
    def forward(self, x):
        return self.fc(x) * self.scale
"""
    if "Part" in line:
        text += """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.jit.freeze(torch.jit.trace(nn.Sequential(Part(3), Part(4)), None))
    def forward(self, x):
        return self.body(x)
"""
    model = built(tmp_path, text).model
    assert devices(model) == {"meta"}
    inner = model if "Part" not in line else model.body[1]  # type: ignore[index]
    assert not isinstance(inner, torch.jit.ScriptModule)
    given = torch.empty(2, inner.fc.in_features, device="meta")
    assert inner.forward(given).shape == (2, inner.fc.out_features)


def test_a_float_model_with_quantized_neighbours_is_built(tmp_path: Path) -> None:
    text = """
from torch.ao.nn.quantized import FloatFunctional
from torch.ao.quantization import DeQuantStub, QuantStub
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant, self.add = QuantStub(), DeQuantStub(), FloatFunctional()
        self.fc = nn.Linear(3, 3)
    def forward(self, x):
        x = self.quant(x)
        return self.dequant(self.add.add(x, self.fc(x)))
"""
    assert devices(built(tmp_path, text).model) == {"meta"}


def test_messages_hold_no_address(tmp_path: Path) -> None:
    text = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        raise ValueError(f"no {object()!r}, and 0xff of it at: 0x5614a7c247a0.")
    def forward(self, x):
        return x
"""
    with pytest.raises(FileError, match=r"no <object object at 0x…>, and 0xff of it at: 0x…\.$"):
        built(tmp_path, text)


def test_building_leaves_torch_as_it_was(tmp_path: Path) -> None:
    before = (nn.Module.__init__, nn.Module.to, nn.Module.register_parameter, torch.compile)
    state = torch.random.get_rng_state()
    with pytest.raises(FileError):
        built(tmp_path, NEEDY.replace("hidden):", "hidden=-1):"))
    after = (nn.Module.__init__, nn.Module.to, nn.Module.register_parameter, torch.compile)
    assert before == after
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.zeros(1).device.type == "cpu"


def test_one_bad_model_leaves_the_others(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        class Bad(nn.Module):
            def __init__(self):
                super().__init__()
                raise ValueError
            def forward(self, x):
                return x
        class Good(nn.Module):
            @torch.no_grad()
            def forward(self, x):
                return x
        """,
    )
    loaded = opened(path)
    bad, good = discover(loaded.source)
    with pytest.raises(FileError):
        build(loaded, bad)
    assert type(build(loaded, good).model).__name__ == "Good"


def test_default_device_of_a_file_does_not_outlive_it(tmp_path: Path) -> None:
    result = built(
        tmp_path, "torch.set_default_device('cuda')\n" + NEEDY.replace("hidden):", "hidden=3):")
    )
    assert devices(result.model) == {"meta"}
    assert torch.get_default_device().type == "cpu"


def test_weights_that_are_copied_into_the_model_may_be_real(tmp_path: Path) -> None:
    result = built(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)
                self.fc.weight.data.copy_(torch.eye(3, device="cpu"))
                self.fc.bias = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
                nn.init.xavier_uniform_(self.fc.weight)
                for module in self.modules():
                    if isinstance(module, nn.Linear):
                        module.weight.data.normal_(0, (2.0 / module.weight.numel()) ** 0.5)
            def forward(self, x):
                return self.fc(x)
        """,
    )
    assert devices(result.model) == {"meta"}
