"""One window along one axis, in numbers."""

from __future__ import annotations

from geometry_nets import Chain, call, graph_of
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from modellint.geometry import Window, windows


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4),
       st.integers(0, 8), st.integers(0, 8))  # fmt: skip
def test_the_taps_of_a_window_are_those_inside_the_map(
    n: int, k: int, s: int, d: int, begin: int, end: int
) -> None:
    outputs = (n + begin + end - d * (k - 1) - 1) // s + 1
    window = Window(n, k, s, d, begin, end, max(outputs, 0))
    for output in range(window.o):
        taps = [output * s - begin + j * d for j in range(k)]
        assert list(window.taps(output)) == [tap for tap in taps if 0 <= tap < n]


def test_a_pool_has_a_window_too() -> None:
    graph = graph_of(Chain(nn.MaxPool2d(3, 2, padding=1)), 1, 3, 9, 11)
    found = windows(call(graph, "layers.0"))
    assert found is not None
    assert [(window.n, window.o, window.remainder) for window in found] == [(9, 5, 0), (11, 6, 0)]
