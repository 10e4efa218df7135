"""`modellint.plugins` is now `modellint.linting.plugins`."""

import warnings

from modellint.linting.plugins import *  # noqa: F403

warnings.warn(
    "modellint.plugins is now modellint.linting.plugins", DeprecationWarning, stacklevel=2
)
