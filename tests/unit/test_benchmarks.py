"""The benchmarks are run by hand; that each can be loaded is seen here."""

import importlib
from pathlib import Path

import pytest

FIGURES = sorted(
    path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize("name", FIGURES)
def test_it_loads(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__
