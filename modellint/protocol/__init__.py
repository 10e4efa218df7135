"""What the front end and a worker tell each other: jobs, frames, limits, states of files.

Standard library only, and nothing of torch: both sides import it.
"""
