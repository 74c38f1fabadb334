"""The fuzz targets for some seconds each, so that they don't rot; and what was found before."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.regressions import FOUND
from tests.fuzz.targets import TARGETS, load, shrunk

EXAMPLES = {"tracker": 150, "journal_lines": 250, "follower": 150, "ami_codec": 200}
Piece = tuple[int, int, bytes]


def test_every_target_has_found_something() -> None:
    assert set(FOUND) == set(TARGETS) == set(EXAMPLES)


@pytest.mark.parametrize(("target", "data"), [(target, data) for target, found in FOUND.items() for data in found])
def test_what_was_found_once(target: str, data: bytes) -> None:
    load(target).fuzz_one(data)


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_are_lawful(target: str) -> None:
    for seed in list(load(target).seeds())[::3]:
        load(target).fuzz_one(seed)


def _spoilt(seed: bytes, pieces: list[Piece]) -> bytes:
    """The seed with pieces cut out and others put in their places."""
    for at, length, piece in pieces:
        place = at % (len(seed) + 1)
        seed = seed[:place] + piece + seed[place + length :]
    return seed


@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes(target: str) -> None:
    module = load(target)
    pieces = st.tuples(st.integers(0, 1000), st.integers(0, 20), st.binary(max_size=6))
    spoilt = st.builds(_spoilt, st.sampled_from(list(module.seeds())), st.lists(pieces, min_size=1, max_size=6))

    @settings(max_examples=EXAMPLES[target], deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.one_of(spoilt, st.binary(max_size=200)))
    def any_bytes(data: bytes) -> None:
        module.fuzz_one(data[: module.MAX_BYTES])

    any_bytes()


def test_shrinking_keeps_the_failure() -> None:
    def fuzz_one(data: bytes) -> None:
        assert b"xy" not in data

    assert shrunk(fuzz_one, b"a long way to xy and beyond") == b"xy"
