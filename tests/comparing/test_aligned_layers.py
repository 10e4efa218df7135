"""Which layer of one model is which of another."""

from dataclasses import replace

import pytest
from reports import CONV, FC, MODEL

from modellint.comparing.layers import layer_changes


def model(*layers):
    return replace(MODEL, layers={layer.key: layer for layer in layers})


def conv(key, **fields):
    return replace(CONV, key=key, path=key, **fields)


def told(before, after):
    return [
        (one.state, one.before and one.before.key, one.after and one.after.key)
        for one in layer_changes(model(*before), model(*after))
    ]


A, B, C = conv("a", parameters=1), conv("b", parameters=2), conv("c", parameters=3)


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ([A, B], [A, B], []),
        ([A, C], [A, B, C], [("added", None, "b")]),
        ([A, B, C], [A, C], [("removed", "b", None)]),
        ([A, B], [A, conv("stem", parameters=2)], [("renamed", "b", "stem")]),
        ([A, B], [A, replace(B, parameters=9)], [("changed", "b", "b")]),
        ([A, B], [A, replace(B, type="Conv3d")], [("changed", "b", "b")]),
        ([A, B], [A, replace(B, outputs=((1,),))], [("resized", "b", "b")]),
        # Run in another order, they are what they were.
        ([A, B], [B, A], []),
        ([], [A], [("added", None, "a")]),
        ([A], [], [("removed", "a", None)]),
        # A line in a key is no name.
        ([conv("conv2d@7"), FC], [conv("conv2d@9"), FC], []),
        (
            [conv("conv2d@7"), conv("conv2d@8", parameters=5)],
            [conv("conv2d@8", parameters=5)],
            [("removed", "conv2d@7", None)],
        ),
        # In a list a new one moves the rest by one.
        (
            [conv("0", parameters=1), conv("1", parameters=2), conv("2", parameters=3)],
            [
                conv("0", parameters=1),
                conv("1", parameters=9, type="BatchNorm2d"),
                conv("2", parameters=2),
                conv("3", parameters=3),
            ],
            [("added", None, "1"), ("renamed", "1", "2"), ("renamed", "2", "3")],
        ),
        # A block of another name, and wider.
        (
            [conv("down.conv", parameters=4), A],
            [conv("first.conv", parameters=8), A],
            [("changed", "down.conv", "first.conv")],
        ),
        # What has nothing in common is two layers.
        ([conv("x", parameters=4)], [conv("y", parameters=8)],
         [("removed", "x", None), ("added", None, "y")]),
    ],
)  # fmt: skip
def test_layers_are_recognised(before, after, expected):
    assert told(before, after) == expected


def test_a_block_in_the_middle_of_equal_blocks_is_one_that_is_new():
    before = [conv(f"blocks.{at}.conv") for at in range(40)]
    after = [conv(f"blocks.{at}.conv") for at in range(41)]
    assert told([*before, FC], [*after, FC]) == [("added", None, "blocks.40.conv")]


def test_very_long_models_are_compared_by_name():
    before = [conv(f"a{at}", parameters=at) for at in range(1100)]
    after = [conv(f"a{at}", parameters=at + 1) for at in range(1101)]
    found = told(before, after)
    assert {state for state, *_ in found} == {"changed", "added"}
    assert len(found) == 1101
