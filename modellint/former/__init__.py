"""Modules that rule authors were told to import, where they stood before the package had rooms.

Each hands on the names of its new place and warns. Remove one when a release has warned of it.
"""
