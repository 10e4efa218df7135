"""What the front end and a worker tell each other: jobs, frames, limits, states of files.

Both sides import it: of other packages it needs none, torch included.
"""
