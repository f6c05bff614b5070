"""A whole application in one process: what the sandbox and the test kit run.

It knows configurations and classes, a transport and nothing else: neither files nor terminals.
The engine under it is the one that runs in a pod.
"""
