"""Builders, fakes and checks that several tests use."""
