"""The call that makes a tensor of an input makes one of its sizes and its dtype."""

import pytest
import torch

from modellint import UsageError
from modellint.symbolic.specs import parse_input, tensor_expression


@pytest.mark.parametrize(
    ("spec", "shape", "dtype"),
    [
        ("1,3,32,32", (1, 3, 32, 32), torch.float32),
        ("7", (7,), torch.float32),
        ("(2, 40):long", (2, 40), torch.int64),
        ("1,3:uint8", (1, 3), torch.uint8),
        ("mask=1,8:bool", (1, 8), torch.bool),
        ("1,8:bfloat16", (1, 8), torch.bfloat16),
        ("1,8:complex64", (1, 8), torch.complex64),
    ],
)
def test_the_call_makes_what_the_spec_says(spec, shape, dtype):
    made = eval(tensor_expression(parse_input(spec)))
    assert (made.shape, made.dtype) == (shape, dtype)


def test_a_name_is_no_size_of_a_tensor():
    with pytest.raises(UsageError, match="'H'"):
        tensor_expression(parse_input("1,3,H,32"))
