"""`modellint.usage` is now `modellint.facts.usage`."""

import warnings

from modellint.facts.usage import *  # noqa: F403

warnings.warn("modellint.usage is now modellint.facts.usage", DeprecationWarning, stacklevel=2)
