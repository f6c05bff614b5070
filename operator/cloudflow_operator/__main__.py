"""`python -m cloudflow_operator` runs the operator."""

from __future__ import annotations

import sys

from cloudflow_operator.main import main

sys.exit(main())
