"""A file as text: its lines, columns and paths, and where its classes stand.

Standard library only. Nothing here runs what it reads.
"""
