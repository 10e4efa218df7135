"""Positions on a map: windows, masks, receptive fields, influence, exact at the example's sizes.

What is asked of a graph is computed once for it. Axes of a call are counted from its first
spatial axis. Never imports torch. Public: rules use these names.
"""

from modellint.contracts.nearby_sizes import Size, nearest_sizes, next_size
from modellint.geometry.backward_masks import read_masks
from modellint.geometry.dependence import leading_to, live, makers
from modellint.geometry.explicit_padding import (
    Padding,
    padded_windows,
    padding_before,
    slices_after,
)
from modellint.geometry.gridding import Run, dilated_runs, without_holes
from modellint.geometry.influence import border_influence
from modellint.geometry.masks import full, positions, ranges
from modellint.geometry.productivity import Saturated, saturated, unseen
from modellint.geometry.receptive_fields import (
    map_axes,
    places,
    receptive_field,
    smallest_receptive_field,
)
from modellint.geometry.shifts import Drift, drift, ends_in_global_max
from modellint.geometry.trimming import Trim, trims
from modellint.geometry.twins import neighbours
from modellint.geometry.unread import (
    Unread,
    always_loses,
    loses,
    unfollowed_reader,
    unread_after,
)
from modellint.geometry.window import Window, convolutions, windows

__all__ = [
    "Drift",
    "Padding",
    "Run",
    "Saturated",
    "Size",
    "Trim",
    "Unread",
    "Window",
    "always_loses",
    "border_influence",
    "convolutions",
    "dilated_runs",
    "drift",
    "ends_in_global_max",
    "full",
    "leading_to",
    "live",
    "loses",
    "makers",
    "map_axes",
    "nearest_sizes",
    "neighbours",
    "next_size",
    "padded_windows",
    "padding_before",
    "places",
    "positions",
    "ranges",
    "read_masks",
    "receptive_field",
    "saturated",
    "slices_after",
    "smallest_receptive_field",
    "trims",
    "unfollowed_reader",
    "unread_after",
    "unseen",
    "windows",
    "without_holes",
]
