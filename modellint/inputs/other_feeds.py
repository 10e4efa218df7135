"""Feeds that differ from one in what nobody said: an accusation must hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modellint.inputs.feeds import Feed

#: Sides to try besides: of data sets, oblong ones, and those of which three halvings leave one.
_SIDES = ((32, 32), (64, 96), (128, 128), (257, 257), (299, 299), (512, 384))
_LENGTHS = (17, 256, 2049, 8000, 16000)
_BATCHES = (1, 3)
#: Images that are stacked on the channels.
_STACKED = (2, 3)


def other_batches(feed: Feed) -> Iterator[Feed]:
    """The feed with other numbers of samples, where nobody said how many."""
    batches = [name for name in feed.batches if name in feed.unsaid]
    for size in _BATCHES:
        if batches and feed.example[batches[0]] != size:
            yield _at(feed, dict.fromkeys(batches, size))


def stacked_channels(feed: Feed) -> Iterator[Feed]:
    """The feed with the channels of several images, where nobody said how many."""
    channels = [name for name in feed.searched if _role(name) == "C"]
    for factor in _STACKED:
        if channels:
            yield _at(feed, {name: feed.example[name] * factor for name in channels})


def with_more_channels(feed: Feed, lacking: int) -> Feed | None:
    """The feed with so many channels more; `None` where somebody said how many there are."""
    channels = [name for name in feed.searched if _role(name) == "C"]
    if lacking < 1 or len(channels) != 1:
        return None
    return _at(feed, {channels[0]: feed.example[channels[0]] + lacking})


def other_sizes(feed: Feed) -> Iterator[Feed]:
    """The feed with other sides and lengths, where nobody said them."""
    heights, widths, lengths = (
        [name for name in feed.searched if _role(name) in roles] for roles in ("HD", "W", "LT")
    )
    if heights or widths:
        for height, width in _SIDES:
            yield _at(feed, {**dict.fromkeys(heights, height), **dict.fromkeys(widths, width)})
    if lengths:
        for length in _LENGTHS:
            yield _at(feed, dict.fromkeys(lengths, length))


def with_batches_searched(feed: Feed) -> Feed | None:
    """The feed whose batch may be what the model demands; `None` where somebody said it."""
    batches = feed.unsaid & frozenset(feed.batches)
    return replace(feed, searched=feed.searched | batches) if batches else None


def _at(feed: Feed, sizes: dict[str, int]) -> Feed:
    return replace(feed, example={**feed.example, **sizes})


def _role(symbol: str) -> str:
    return symbol.rstrip("0123456789")
