"""The command line: `kubectl cloudflow`."""
