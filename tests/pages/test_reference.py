"""docs/: what is written from the code is what the code says, and reports are of their schema."""

import importlib.util
import json

import jsonschema
import pytest
from command import modellint
from documents import DOCS, ROOT

_SPEC = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
make_reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make_reference)

SCHEMA = json.loads((DOCS / "report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*one, id=one[0].name) for one in make_reference.files()]
)
def test_what_is_committed_is_what_the_code_says(path, text):
    assert path.read_text("utf-8") == text, "run python docs/make_reference.py"


def strict(schema):
    """The schema with no key besides those that it names: what is printed has a description."""
    if isinstance(schema, dict):
        schema = {key: strict(value) for key, value in schema.items()}
        if "properties" in schema:
            schema["additionalProperties"] = False
    elif isinstance(schema, list):
        schema = [strict(one) for one in schema]
    return schema


BROKEN = """
import torch
from torch import nn


class Short(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Linear(9, 10)

    def forward(self, x):
        return self.head(self.conv(x).flatten(1))


class Given(nn.Module):
    def __init__(self, width):
        super().__init__()
        raise ValueError("never")

    def forward(self, x):
        return x


model = Given(3)
Short()(torch.rand(1, 3, 8, 8))
"""


@pytest.mark.parametrize("more", [(), ("--fix", "--unsafe-fixes"), ("--baseline", "known.json")])
def test_every_report_is_of_the_schema(tmp_path, more):
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "digits.py").write_bytes((ROOT / "examples" / "digits.py").read_bytes())
    (tmp_path / "torn.py").write_text("from torch import nn\nclass Net(nn.Module:\n")
    if "--baseline" in more:
        modellint("digits.py", "--write-baseline", "known.json", cwd=tmp_path)
    done = modellint(".", "--format", "json", *more, cwd=tmp_path)
    report = json.loads(done.stdout)
    jsonschema.Draft202012Validator(strict(SCHEMA)).validate(report)
    assert {"analysed", "failed"} <= {model["status"] for model in report["models"]}
    assert report["errors"]


def test_the_schema_refuses_what_is_no_report():
    VALIDATOR.check_schema(SCHEMA)
    done = modellint(str(ROOT / "examples" / "digits.py"), "--format", "json", cwd=ROOT)
    report = json.loads(done.stdout)
    VALIDATOR.validate(report)
    report["findings"][0]["line"] = 0
    assert not VALIDATOR.is_valid(report)
    del report["findings"][0]["line"]
    assert not VALIDATOR.is_valid(report)
