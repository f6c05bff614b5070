"""Runs a project's whole application in this process, for `kubectl cloudflow sandbox`."""
