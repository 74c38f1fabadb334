"""What goes, when, and what keeps it; days are those of Shanghai."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.retention.model import GRACE_DAYS, Kind, Policy, Reason, due_on, ends_before, judge, kind_of

DAY = date(2026, 11, 28)
POLICIES = {Kind.HOTLINE: Policy(Kind.HOTLINE, 365), Kind.COMPLAINT: Policy(Kind.COMPLAINT, 1095)}

KINDS = [
    (("inbound", "hotline", ()), Kind.HOTLINE),
    (("inbound", "emergency", ()), Kind.EMERGENCY),
    (("outbound", None, ()), Kind.OUTBOUND),
    (("inbound", "hotline", ("complaint", "overflow")), Kind.COMPLAINT),
    (("inbound", "emergency", ("complaint",)), Kind.COMPLAINT),
    (("outbound", None, ("complaint",)), Kind.COMPLAINT),
    (("inbound", None, ()), Kind.HOTLINE),
]


@pytest.mark.parametrize(("call", "kind"), KINDS)
def test_kinds(call: tuple[str, str | None, tuple[str, ...]], kind: Kind) -> None:
    assert kind_of(*call) is kind


def test_the_last_day_is_whole() -> None:
    """Kept for a day means: until the end of the day after the call's."""
    assert due_on(DAY, Policy(Kind.HOTLINE, 1)) == date(2026, 11, 30)


def test_a_life_to_its_end() -> None:
    due = due_on(DAY, POLICIES[Kind.HOTLINE])
    assert judge(Kind.HOTLINE, DAY, None, POLICIES, None, due - timedelta(days=1)).action == "keep"
    assert judge(Kind.HOTLINE, DAY, None, POLICIES, None, due).action == "expire"
    gone = due + timedelta(days=GRACE_DAYS)
    assert judge(Kind.HOTLINE, DAY, due, POLICIES, None, gone - timedelta(days=1)).action == "keep"
    assert judge(Kind.HOTLINE, DAY, due, POLICIES, None, gone).action == "destroy"


def test_what_expired_by_another_term_has_its_days_again() -> None:
    """A term that was wrong and withdrawn left it expired; the one that came later destroys it in its own time."""
    acts_on = DAY + timedelta(days=900)
    policies = {Kind.HOTLINE: Policy(Kind.HOTLINE, 365, acts_on)}
    long_ago = DAY + timedelta(days=31)
    last = acts_on + timedelta(days=GRACE_DAYS - 1)
    assert judge(Kind.HOTLINE, DAY, long_ago, policies, None, last).reason is Reason.WAITING
    assert judge(Kind.HOTLINE, DAY, long_ago, policies, None, last + timedelta(days=1)).action == "destroy"
    due = due_on(DAY, POLICIES[Kind.HOTLINE])
    assert judge(Kind.HOTLINE, DAY, long_ago, POLICIES, None, due).action == "keep"


@given(st.sampled_from([*Kind, None]), st.integers(0, 5000), st.none() | st.integers(0, 5000), st.booleans())
def test_what_can_not_go(kind: Kind | None, age: int, expired: int | None, held: bool) -> None:
    """Without a policy, under a hold, or within its term nothing goes, whatever else holds."""
    today = DAY + timedelta(days=age)
    expired_on = DAY + timedelta(days=expired) if expired is not None else None
    verdict = judge(kind, DAY, expired_on, POLICIES, "complaint 7" if held else None, today)
    policy = POLICIES.get(kind) if kind else None
    if held or policy is None or age <= policy.keep_days:
        assert verdict.action == "keep"
    if verdict.action == "destroy":
        assert expired_on is not None
        assert today >= expired_on + timedelta(days=GRACE_DAYS)


def test_why_is_said() -> None:
    assert "no policy" in judge(Kind.OUTBOUND, DAY, None, POLICIES, None, DAY + timedelta(days=9999)).why
    assert "held: complaint 7" in judge(Kind.HOTLINE, DAY, None, POLICIES, "complaint 7", DAY + timedelta(days=999)).why
    assert "not known" in judge(None, DAY, None, POLICIES, None, DAY + timedelta(days=9999)).why


def test_a_new_term_waits() -> None:
    """What is over it stays until the term acts, whatever its age; what is within it is within it."""
    acts = DAY + timedelta(days=900)
    policies = {Kind.HOTLINE: Policy(Kind.HOTLINE, 365, acts)}
    before = judge(Kind.HOTLINE, DAY, None, policies, None, acts - timedelta(days=1))
    assert (before.action, before.reason) == ("keep", Reason.NEW_POLICY)
    assert str(acts) in before.why
    assert judge(Kind.HOTLINE, DAY, None, policies, None, acts).action == "expire"
    young = judge(Kind.HOTLINE, DAY, None, policies, None, DAY + timedelta(days=3))
    assert young.reason is Reason.WITHIN_TERM


@given(st.sampled_from(list(Kind)), st.integers(0, 5000), st.none() | st.integers(0, 5000), st.integers(1, 5000))
def test_the_bound_is_the_rule(kind: Kind, age: int, expired: int | None, keep: int) -> None:
    """On and after its kind's bound a recording is within its term; before it, it is not."""
    today, expired_on = DAY + timedelta(days=age), DAY + timedelta(days=expired) if expired is not None else None
    policies = {kind: Policy(kind, keep)}
    verdict = judge(kind, DAY, expired_on, policies, None, today)
    assert (ends_before(policies, today)[kind] <= DAY) == (verdict.reason is Reason.WITHIN_TERM)
