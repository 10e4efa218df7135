"""The page "My model is not analysed": its headings are what modellint says, its ways out work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import indent

import pytest
from command import modellint
from documents import DOCS, ROOT

PAGE = (DOCS / "not-analysed.md").read_text("utf-8")
HEADINGS = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)


def net(body: str, parameters: str = "", before: str = "", forward: str = "x") -> str:
    return (
        f"import torch\nfrom torch import nn\n{before}\nclass Net(nn.Module):\n"
        f"    def __init__(self{parameters}):\n        super().__init__()\n"
        f"{indent(body, ' ' * 8)}\n        self.fc = nn.Linear(3, 4)\n"
        f"    def forward(self, {forward}):\n        return self.fc(x)\n"
    )


SHOWN = {
    "needs argument: …": net("self.n = cfg.n", ", cfg"),
    "… builds it, and as that was read it raises …": net("self.n = cfg.n", ", cfg")
    + "def build(name, *given):\n    return globals()[name](*given)\n"
    + "if __name__ == '__main__':\n    build('Net', {'m': 1})\n",
    "needs …, whose default is None": net("assert rows is not None, 'rows'", ", rows=None"),
    "with assumed arguments, raises …": net("if width % 7: raise ValueError", ", width: int"),
    "needs … in the args that the configuration states": net("self.n = cfg.n", ", cfg"),
    "needs … of the command line, which is empty here": net(
        "self.n = N", before="import sys\nN = sys.argv[1]"
    ),
    "needs the package …, which this Python does not have": net("import no_such_package"),
    "needs the file …, which is not there": net("open('gone.csv')"),
    "needs weights which are not there": net("self.n = torch.load('gone.pt')['n']"),
    "needs a device that is not here": net("raise RuntimeError('No CUDA GPUs are available')"),
    "no input shapes are known for …": net("pass", forward="x, y").replace(
        "self.fc(x)", "self.fc(x) @ y @ self.fc(y)"
    ),
    "takes … for …, and its file calls it with none whose tensors can be told": net(
        "pass", forward="x: dict"
    ),
    "is quantized, is a ScriptModule": net(
        "import torch.ao.nn.quantized as q\nself.q = q.Linear(3, 3)"
    ),
}
#: What takes more than a file to see; its words stand in the code.
OTHERS = {
    "the forward needs …; it cannot be followed without data",
    "modules nested in each other exceed Python's recursion",
    "PyTorch runs …, and a trace of it ends",
    "its turn never came",
    "ran for more than …, with assumed inputs",
}


@pytest.fixture(scope="module")
def reasons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each file, by the heading that it is for."""
    folder = tmp_path_factory.mktemp("files")
    for at, text in enumerate(SHOWN.values()):
        (folder / f"net{at}.py").write_text(text)
    at = [*SHOWN].index("needs … in the args that the configuration states")
    (folder / "modellint.toml").write_text(
        f'[[models]]\npath = "net{at}.py"\nmodel = "Net"\nargs = {{cfg = {{m = 1}}}}\n'
    )
    done = modellint(".", "--format", "json", cwd=folder)
    assert done.returncode == 0
    told = {one["path"]: one["reason"] for one in json.loads(done.stdout)["models"]}
    return {name: told[f"net{at}.py"] or "" for at, name in enumerate(SHOWN)}


@pytest.mark.parametrize("heading", SHOWN)
def test_a_heading_is_what_is_said(heading: str, reasons: dict[str, str]) -> None:
    assert heading in HEADINGS
    words = [re.escape(part) for part in heading.partition(", is a ")[0].split("…")]
    assert re.search(".+".join(words), reasons[heading]), reasons[heading]


def test_every_heading_is_a_message() -> None:
    assert {*HEADINGS[:-1]} == {*SHOWN, *OTHERS}
    code = " ".join(path.read_text("utf-8") for path in (ROOT / "modellint").rglob("*.py"))
    joined = re.sub(r'"\s*f?"', "", code)
    for heading in OTHERS:
        for part in heading.split("…"):
            assert part.strip(" ;,") in joined


def test_the_ways_out_lead_out(tmp_path: Path) -> None:
    settings = "\nclass Settings:\n    def __init__(self, width):\n        self.width = width\n"
    needy = net("self.net = nn.Linear(cfg.width, 3)", ", cfg", before=settings)
    path = tmp_path / "net.py"
    path.write_text(
        needy.replace(
            "Net(nn.Module):", "Net(nn.Module):  # modellint: build=Net(Settings(width=32))"
        )
    )
    assert "build=Net(Settings(width=32))" in PAGE
    assert modellint("net.py", "--strict", "--select", "budget", cwd=tmp_path).returncode == 0
    path.write_text(needy)
    assert modellint("net.py", "--strict", "--select", "budget", cwd=tmp_path).returncode == 1
    target = "net.py::Net(Settings(width=32))"
    assert target in PAGE
    assert modellint(target, "--strict", "--select", "budget", cwd=tmp_path).returncode == 0
    table = PAGE[PAGE.index("[[tool.modellint") :].partition("```")[0]
    (tmp_path / "modellint.toml").write_text(table.replace("tool.modellint.", ""))
    assert modellint("net.py", "--strict", "--select", "budget", cwd=tmp_path).returncode == 0
