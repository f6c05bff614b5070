"""The process of a pod: reads what the platform tells it, runs one streamlet, answers probes."""
