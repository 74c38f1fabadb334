"""Fuzz targets: one module a part, each with `fuzz_one(data)` that checks laws and `seeds()` from captured calls.

`python -m tests.fuzz TARGET --minutes 10` lets atheris look for inputs by coverage; `test_fuzz.py` runs the same
targets for some seconds in every test run, so that they don't rot.
"""
