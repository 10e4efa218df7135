"""`modellint.written` is now `modellint.facts.source_facts`."""

import warnings

from modellint.facts.losses import *  # noqa: F403
from modellint.facts.source_facts import *  # noqa: F403

warnings.warn(
    "modellint.written is now modellint.facts.source_facts", DeprecationWarning, stacklevel=2
)
