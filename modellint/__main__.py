"""`python -m modellint` is the command `modellint`."""

import os
import sys

# `-m` puts the working directory first on the path, where a user's random.py or torch.py would be
# taken for the real one. The command `modellint` does not see that directory either.
if not sys.flags.safe_path and os.path.realpath(sys.path[0]) == os.path.realpath("."):
    del sys.path[0]

from modellint.cli.start import main

main()
