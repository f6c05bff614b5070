"""A cluster of Kubernetes as the commands see it; only `server` imports the client for it."""
