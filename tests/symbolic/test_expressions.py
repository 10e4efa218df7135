"""Expressions: right at every size, in one simplest form, printed as Python that a person reads."""

from __future__ import annotations

import ast
import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modellint.symbolic import expressions as ex
from modellint.symbolic.dims import Dim, free, symbolic
from modellint.symbolic.expressions import Expr

N, C, H, W = (ex.atom(ex.symbol(name)) for name in "NCHW")
NAMES = ("N", "H", "W")


def number(value: int) -> Expr:
    return ex.constant(value)


Made = st.SearchStrategy[tuple[Expr, str]]


def polynomials() -> Made:
    """An expression and the Python text that it was made by."""
    leaves = st.one_of(
        st.sampled_from(NAMES).map(lambda name: (ex.atom(ex.symbol(name)), name)),
        st.integers(-6, 12).map(lambda value: (number(value), f"({value})")),
    )

    def joined(children: Made) -> Made:
        both = st.tuples(children, children)
        divisors = st.sampled_from([2, 3, 4, 5, 7, 8, 16, -2, -3])
        return st.one_of(
            both.map(lambda p: (ex.add(p[0][0], p[1][0]), f"({p[0][1]} + {p[1][1]})")),
            both.map(lambda p: (ex.subtract(p[0][0], p[1][0]), f"({p[0][1]} - {p[1][1]})")),
            both.map(lambda p: (ex.multiply(p[0][0], p[1][0]), f"({p[0][1]} * {p[1][1]})")),
            st.tuples(children, divisors).map(
                lambda p: (ex.floor_divide(p[0][0], number(p[1])), f"({p[0][1]} // {p[1]})")
            ),
        )

    return st.recursive(leaves, joined, max_leaves=10)


SIZES = st.fixed_dictionaries({name: st.integers(1, 300) for name in NAMES})


@given(polynomials(), st.lists(SIZES, min_size=3, max_size=3))
def test_an_expression_has_at_every_size_the_value_of_the_python_that_made_it(
    made: tuple[Expr, str], sizes: list[dict[str, int]]
) -> None:
    expr, source = made
    for values in sizes:
        assert expr.evaluate(values) == eval(source, dict(values))


@given(polynomials(), st.lists(SIZES, min_size=3, max_size=3))
def test_the_printed_text_is_python_with_the_expressions_value(
    made: tuple[Expr, str], sizes: list[dict[str, int]]
) -> None:
    expr, source = made
    text = str(expr)
    ast.parse(text, mode="eval")
    for values in sizes:
        assert eval(text, dict(values)) == eval(source, dict(values))


@given(polynomials(), polynomials(), SIZES)
def test_substitution_gives_the_value_of_the_whole(
    made: tuple[Expr, str], inside: tuple[Expr, str], values: dict[str, int]
) -> None:
    replaced = ex.substitute(made[0], {ex.symbol("H"): inside[0]})
    inner = inside[0].evaluate(values)
    assert replaced.evaluate(values) == made[0].evaluate({**values, "H": inner})


@given(polynomials(), SIZES)
def test_the_lower_bound_is_never_above_the_value(
    made: tuple[Expr, str], values: dict[str, int]
) -> None:
    low = ex.least(made[0])
    assert low is None or low <= made[0].evaluate(values)


@given(polynomials())
def test_pickled_and_copied_expressions_are_the_same_object(made: tuple[Expr, str]) -> None:
    assert pickle.loads(pickle.dumps(made[0])) is made[0]
    assert copy.deepcopy(made[0]) is made[0]


@given(polynomials(), polynomials())
def test_what_a_factor_is_divided_out_of_is_the_other_factor(
    left: tuple[Expr, str], right: tuple[Expr, str]
) -> None:
    if right[0] is ex.ZERO:
        return
    product = ex.multiply(left[0], right[0])
    quotient = ex.divide_exactly(product, right[0])
    assert quotient is None or ex.multiply(quotient, right[0]) is product


def convolved(size: int, times: int, kernel: int = 3, stride: int = 2, padding: int = 1) -> int:
    for _ in range(times):
        size = (size + 2 * padding - kernel) // stride + 1
    return size


def test_five_stride_two_convolutions_print_one_floor_division() -> None:
    assert symbolic(convolved(free("H", 224), 5)) == "(H - 1) // 32 + 1"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        ((H, 3, 2), "H - 2"),
        ((H, 1, 0), "H"),
    ],
)
def test_a_constant_is_subtracted_with_spaces(made: tuple[Expr, int, int], text: str) -> None:
    expr, kernel, trimmed = made
    assert str(ex.subtract(expr, number(kernel - 1))) == text
    assert trimmed == kernel - 1


def size_texts() -> dict[str, int]:
    n, h, w = free("N", 2), free("H", 32), free("W", 48)
    return {
        "H - 2": h - 2,
        "4*N": n * 4,
        "(H - 1) // 3 + 1": (h + 2 - 3) // 3 + 1,
        "(H - 1) // 2 + 1": -(-h // 2),
        "H // 4": (h // 2) // 2,
        "16*(H // 4 - 3)*(W // 4 - 3)": 16 * (h // 4 - 3) * (w // 4 - 3),
        "(H // 4 - 3)*(W // 4 - 3)": (h // 4 - 3) * (w // 4 - 3),
        "2*H": h + h,
        "H*W": h * w,
        "N*H*W": w * h * n,
        "H*W // 4": h * w // 4,
        "2*H - 1": h + h - 1,
        "H": (h * 6 + 5) // 6,
        "3 - H": 3 - h,
        "-H": -h,
        "H**2": h * h,
        "16*(H // 16)": h // 16 * 16,
        "H - 2*(H // 2)": h % 2,
        "H + W": w + h,
        "(H - 1) // 4 + 1": ((h + 1) // 2 + 1) // 2,
    }


@pytest.mark.parametrize("text", list(size_texts()))
def test_a_size_prints_in_its_simplest_form(text: str) -> None:
    assert symbolic(size_texts()[text]) == text


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7])
def test_halving_again_and_again_is_one_division_by_the_product(depth: int) -> None:
    size: int = free("H", 4096)
    for _ in range(depth):
        size //= 2
    assert symbolic(size) == f"H // {2**depth}"


@pytest.mark.parametrize("order", [lambda a, b: (a, b), lambda a, b: (b, a)])
def test_equal_sizes_are_one_object_however_they_were_made(order) -> None:  # type: ignore[no-untyped-def]
    h = free("H", 64)
    first, second = order(h // 2 + h, 3 + h + h // 2 - 3)
    assert isinstance(first, Dim)
    assert isinstance(second, Dim)
    assert first.expr is second.expr


def test_what_divides_evenly_leaves_no_floor() -> None:
    h, w = free("H", 6), free("W", 8)
    assert symbolic(h * w * 12 // (h * 4)) == "3*W"
    assert symbolic((4 * h + 8) // 4) == "H + 2"
    assert (h * 5) // h == 5
    assert not isinstance((h * 5) // h, Dim)


def test_a_size_that_cancels_out_is_a_plain_int() -> None:
    h = free("H", 7)
    for made in (h - h, 0 * h, (h + 3) - h):
        assert type(made) is int


def test_division_by_a_constant_zero_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        ex.floor_divide(H, ex.ZERO)


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match="W"):
        ex.multiply(H, W).evaluate({"H": 3})


def test_no_floor_of_unknown_sign_is_cancelled() -> None:
    """(H // 4) * x // (H // 4) is x only where H // 4 is not zero."""
    floor = ex.floor_divide(H, number(4))
    made = ex.floor_divide(ex.multiply(floor, W), floor)
    for height in (4, 9, 100):
        assert made.evaluate({"H": height, "W": 17}) == 17


def test_symbols_print_in_the_order_of_their_roles() -> None:
    product = ex.product_of([W, H, C, N])
    assert str(product) == "N*C*H*W"
