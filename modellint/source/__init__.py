"""A file as text: its lines, columns and paths, and where its classes stand.

Needs no other package. Nothing here runs what it reads.
"""
