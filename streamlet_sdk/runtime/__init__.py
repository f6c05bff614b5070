"""The engine: runs one streamlet, in a pod, in the sandbox and in a test alike.

Users never import it. It knows a broker only through `transport`.
"""
