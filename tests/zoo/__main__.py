"""`python -m tests.zoo`."""

from .zoo import main

raise SystemExit(main())
