"""Breaks things while a pipeline works, and accounts for every record: `make chaos`.

`scenarios` says what is broken, `stage` runs one scenario, `account` judges;
docs/concepts/guarantees.md says what is promised.
"""
