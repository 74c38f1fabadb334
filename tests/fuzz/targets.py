"""The targets by name, and making a failing input smaller."""

import importlib
import traceback
from collections.abc import Callable
from types import ModuleType

TARGETS = ("tracker", "journal_lines", "follower", "ami_codec")


def load(target: str) -> ModuleType:
    """The module with `fuzz_one`, `seeds` and `MAX_BYTES`."""
    return importlib.import_module(f"tests.fuzz.{target}")


def failure(fuzz_one: Callable[[bytes], None], data: bytes) -> str:
    """Kind and place of the failure, empty when there is none."""
    try:
        fuzz_one(data)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {last.name}, line {last.lineno}"
    return ""


def shrunk(fuzz_one: Callable[[bytes], None], data: bytes) -> bytes:
    """The same failure from fewer bytes: cut out ever smaller pieces while it still fails alike."""
    kind, size = failure(fuzz_one, data), len(data)
    while kind and size:
        at = 0
        while at < len(data):
            less = data[:at] + data[at + size :]
            if failure(fuzz_one, less) == kind:
                data = less
            else:
                at += size
        size //= 2
    return data
