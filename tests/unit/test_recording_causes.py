"""Whatever our code says of a recording's life has words in both languages; what it can't know is shown as it is."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from callcenter.agents.recording_pauses import BY_ITSELF
from callcenter.catalogue.labels import labels
from callcenter.console.causes import KNOWN, in_words
from callcenter.recordings import judging, one_sided
from callcenter.recordings.judging import Facts
from callcenter.recordings.legs import SIDES
from callcenter.recordings.model import EXCUSED, NOTES, Flag
from callcenter.recordings.pipeline import DIED, LOST_AFTER, UNWRITABLE, _never_begun
from callcenter.recordings.watching import TOLD
from callcenter.retention.hold_repository import MARKED
from callcenter.retention.model import Kind, Policy, judge
from callcenter.retention.repository import REPLACED

DAY = date(2026, 1, 15)
POLICIES = {Kind.HOTLINE: Policy(Kind.HOTLINE, 365)}
BEGAN = datetime(2026, 1, 15, tzinfo=UTC)


def said() -> list[str]:
    """Texts as the code makes them."""
    facts = Facts(60.0, None, 0.0, closed=False, legs=1)
    flags = [flag for flag in Flag if flag not in {Flag.UNWATCHED, Flag.ONE_SIDED, *NOTES} or flag is Flag.DIGITS]
    sides = {"left": {"last_heard_at": 20.0}, "right": {"last_heard_at": 8.0}}
    talk = replace(facts, talk_from=5.0, talk_seconds=40.0)
    texts = [judging.in_words([flag], 50.0, {"left": {}, "right": {}}, facts) or "" for flag in flags]
    texts += [judging.in_words([flag], 50.0, sides, talk) or "" for flag in (Flag.CALLER_SILENT, Flag.AGENT_SILENT)]
    texts += [EXCUSED.format(side=side) for side in SIDES]
    texts += [judging.BEHEADED, "1.2-agent.wav: no WAVE header"]
    texts += [*TOLD.values(), one_sided.NOTHING_YET, DIED, UNWRITABLE, LOST_AFTER]
    texts.append(BY_ITSELF.format(seconds=180.0))
    texts += [one_sided.STOPPED.format(side=side, seconds=8.0) for side in SIDES]
    texts += [one_sided.BACK.format(side=side) for side in SIDES]
    for lasted in (2, 5000):
        row = SimpleNamespace(started_at=BEGAN, ended_at=BEGAN + timedelta(milliseconds=lasted))
        texts.append(_never_begun(row))
    texts.append(judge(Kind.HOTLINE, DAY, None, POLICIES, None, DAY + timedelta(days=400)).why)
    texts += [MARKED, REPLACED]
    texts.append(judge(Kind.HOTLINE, DAY, DAY, POLICIES, None, DAY + timedelta(days=400)).why)
    return texts


@pytest.mark.parametrize("text", said())
def test_our_own_texts_are_known(text: str) -> None:
    chinese = in_words(text, labels("zh"))
    assert chinese != text
    assert any("一" <= letter <= "鿿" for letter in chinese)


def test_english_stays_what_it_was() -> None:
    for text in (
        "2.5 s shorter than the call; clipped",
        "phone 1001",
        "hung up 2 ms after the answer, before it began",
    ):
        assert in_words(text, labels("en")) == text


def test_several_at_once() -> None:
    assert in_words("2.5 s shorter than the call; clipped", labels("zh")) == "比通话短 2.5 秒；声音削波失真"


@pytest.mark.parametrize("text", ["", None, "No space left on device: /srv/x", "5f0c.0a1b2c3d.ccr", "{who}", "key {0}"])
def test_what_is_not_known_is_shown(text: str | None) -> None:
    shown = in_words(text, labels("zh"))
    assert shown in {text or "", "密钥 {0}"}


def test_each_has_words_in_both_languages() -> None:
    for language in ("zh", "en"):
        assert {key for key, _ in KNOWN} | {"and"} == set(labels(language).section("recording_causes"))
