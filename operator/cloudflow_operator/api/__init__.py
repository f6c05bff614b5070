"""The custom resource: its types are the source of `crds/` and of all that reads or writes it."""
