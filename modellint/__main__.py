"""`python -m modellint` is the command `modellint`."""

from modellint.cli import main

main()
