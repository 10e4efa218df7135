"""The version, said once: the package, the build and the report read it here."""

__version__ = "0.1.0"
