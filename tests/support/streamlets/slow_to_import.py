"""A module whose import does not end."""

import logging
import time

logging.getLogger(__name__).warning("the import has begun")
time.sleep(600)
