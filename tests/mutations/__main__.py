"""`python -m tests.mutations`."""

from .report import main

raise SystemExit(main())
