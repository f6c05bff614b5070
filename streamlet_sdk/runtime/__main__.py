"""`python -m streamlet_sdk.runtime`: what a pod runs."""

import sys

from streamlet_sdk.runtime.pod.process import main

if __name__ == "__main__":
    sys.exit(main())
