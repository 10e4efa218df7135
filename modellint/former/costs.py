"""`modellint.costs` is now `modellint.facts.costs`."""

import warnings

from modellint.facts.costs import *  # noqa: F403

warnings.warn("modellint.costs is now modellint.facts.costs", DeprecationWarning, stacklevel=2)
