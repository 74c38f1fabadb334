"""Each fault that a page's form can have, caused by a faulty form, is told in Chinese words and by the page's label."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from callcenter.calls.search import CallSearch, parse_number
from callcenter.catalogue.labels import labels
from callcenter.console.faults import KNOWN, in_words
from callcenter.console.forms import checked
from callcenter.console.recordings_page import _search
from callcenter.console.retention_page import _asked, _kind
from callcenter.errors import CallcenterError, InvalidInput, NotFound
from callcenter.http.paging import read_cursor
from callcenter.retention.schemas import Ending, NewHoldBody, NewTerm
from callcenter.retention.verdicts import checked_day
from callcenter.roster.chain import check_hand_over
from callcenter.roster.model import HandOver

TERM = {"keep_days": "90", "reference": "来函"}
HOLD = {"recording_id": str(uuid4()), "why": "complaint", "note": "复核"}
TODAY = date(2026, 11, 29)


def handed(**given: str) -> HandOver:
    return HandOver(**{"from_member": "1001", "to_member": "1002", "note": "", "open_matters": "", **given})


FORMS: list[tuple[str, str, Callable[[], Any]]] = [
    ("retention", "保存天数：请填写整数", lambda: checked(NewTerm, TERM | {"keep_days": "ninety"})),
    ("retention", "保存天数：请填写整数", lambda: checked(NewTerm, TERM | {"keep_days": ""})),
    ("retention", "保存天数：请填写整数", lambda: checked(NewTerm, TERM | {"keep_days": "1.5"})),
    ("retention", "保存天数：不得小于 1", lambda: checked(NewTerm, TERM | {"keep_days": "0"})),
    ("retention", "保存天数：不得大于 36525", lambda: checked(NewTerm, TERM | {"keep_days": "99999"})),
    ("retention", "依据：未填写，或含有不允许的字符", lambda: checked(NewTerm, TERM | {"reference": ""})),
    ("retention", "依据：过长，最多 300 个字符", lambda: checked(NewTerm, TERM | {"reference": "长" * 301})),
    ("retention", "依据：请填写", lambda: checked(NewTerm, {"keep_days": "90"})),
    ("retention", "原因：未填写，或含有不允许的字符", lambda: checked(Ending, {"reason": "\t"})),
    ("retention", "录音：不是录音编号，请从录音页网址复制", lambda: checked(NewHoldBody, HOLD | {"recording_id": "x"})),
    ("retention", "类别：请从列表中选择", lambda: checked(NewHoldBody, HOLD | {"why": "fun"})),
    ("retention", "保留事由：未填写，或含有不允许的字符", lambda: checked(NewHoldBody, HOLD | {"note": " "})),
    ("retention", "通话类别：请从列表中选择", lambda: _kind("it's")),
    ("retention", "通话类别：请从列表中选择", lambda: _kind("")),
    ("retention", "通话日期：日期应写作 2026-12-31", lambda: _asked("31.12.", "", "")),
    ("retention", "保存天数：请填写整数", lambda: _asked("", "hotline", "")),
    (
        "retention",
        "通话日期：2026-11-28 已过，当日处理情况见到期与销毁记录",
        lambda: checked_day(date(2026, 11, 28), TODAY, "day"),
    ),
    ("retention", "通话日期：2999-01-01 太远，请选择较近的日期", lambda: checked_day(date(2999, 1, 1), TODAY, "day")),
    ("found", "自：时间应写作 2026-11-23 或 2026-11-23 09:00", lambda: _search({"from": "gestern"})),
    ("found", "自：年份 9999 超出范围", lambda: _search({"from": "9999-12-31"})),
    ("found", "自：过长，最多 40 个字符", lambda: _search({"from": "2" * 41})),
    ("found", "自：起始时间须早于截止时间", lambda: _search({"from": "2026-11-02", "until": "2026-11-01"})),
    ("found", "时长不少于（秒）：下限大于上限，请对调", lambda: _search({"min_seconds": "9", "max_seconds": "1"})),
    ("found", "通话不少于（秒）：下限大于上限，请对调", lambda: _search({"min_talk": "9", "max_talk": "1"})),
    ("found", "时长不少于（秒）：请填写数字", lambda: _search({"min_seconds": "x"})),
    ("found", "时长不少于（秒）：不得小于 0", lambda: _search({"min_seconds": "-1"})),
    ("found", "时长不超过（秒）：不得大于 1000000000", lambda: _search({"max_seconds": "1e12"})),
    ("found", "状态：请从列表中选择", lambda: _search({"state": "fine"})),
    ("found", "座席：未填写，或含有不允许的字符", lambda: _search({"agent": "<script>"})),
    ("found", "号码：号码应写作 13800138000、138* 或 *8000", lambda: parse_number("x'")),
    ("found", "页码已失效，请重新查询", lambda: read_cursor("x", CallSearch())),
    ("roster", "请填写交班人和接班人", lambda: check_hand_over(handed(to_member=" "))),
    ("roster", "请填写情况或未办事项", lambda: check_hand_over(handed())),
    ("roster", "情况：过长（最多 2000 个字符），或含有控制字符", lambda: check_hand_over(handed(note="\x00"))),
]


def fault_of(form: Callable[[], Any]) -> CallcenterError:
    with pytest.raises(InvalidInput) as caught:
        form()
    return caught.value


@pytest.mark.parametrize(("section", "told", "form"), FORMS)
def test_told_in_chinese(section: str, told: str, form: Callable[[], Any]) -> None:
    assert in_words(fault_of(form), labels("zh"), section) == told


def test_told_in_english() -> None:
    assert in_words(fault_of(FORMS[0][2]), labels("en"), FORMS[0][0]) == "Days: not a whole number"


def test_what_is_gone() -> None:
    assert in_words(NotFound(kind="hold", key=7), labels("zh")) == "没有找到，可能编号有误或已由他人处理"


def test_what_is_not_known_is_shown() -> None:
    fault = InvalidInput(where="x.y", what="{who} knows", mend="z")
    assert in_words(fault, labels("zh")) == "x.y: {who} knows; z"


def test_each_has_words_in_both_languages_and_needs_what_is_found() -> None:
    for language in ("zh", "en"):
        texts = labels(language).section("form_faults")
        assert {key for key, _ in KNOWN} | {"of_field", "not_found"} == set(texts)
        for key, pattern in KNOWN:
            assert set(re.findall(r"\{(\w+)\}", texts[key])) <= set(pattern.groupindex), key
