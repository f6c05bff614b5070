"""Wines come in, a trained model says which of them are good, and the results are logged."""

from model_serving.streamlets import ResultLogger, WineGenerator, WineModelServer

__all__ = ["ResultLogger", "WineGenerator", "WineModelServer"]
