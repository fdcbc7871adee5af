"""``python -m bot``: the same as ``opsbell``."""

import sys

from bot.cli import main

sys.exit(main())
