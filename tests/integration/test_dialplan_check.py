"""A candidate in a throw-away Asterisk: what it says, where that is, and that nothing is left; rows of deployments."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.dialplan.deployments import Deployment, store, stored_numbers, unpack
from callcenter.dialplan.tables import deployments
from callcenter.errors import InvalidInput
from callcenter.local import places
from callcenter.local.asterisk import Instance
from callcenter.local.checking import check_candidate, with_sources
from callcenter.local.configuration import own_asterisk
from callcenter.local.trial import Trial, load_findings, run_trial
from callcenter.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in ("asterisk", "dialplans"):
        shutil.copytree(ROOT / name, tmp_path / "sources" / name)
    return tmp_path / "sources"


@pytest.fixture
def pbx(tmp_path: Path, sources: Path) -> Instance:
    """An Asterisk that never ran, rendered from a copy of the sources."""
    settings = Settings(home=tmp_path / "home", config=None)
    places.prepare(settings)
    return with_sources(own_asterisk(settings), sources)


def edit(path: Path, right: str, wrong: str) -> int:
    """Break one line; its number."""
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    return text[: text.index(right)].count("\n") + 1


async def test_checkout_passes_and_loads_without_complaint(pbx: Instance) -> None:
    checked = await check_candidate(pbx)
    assert checked.findings == (), "\n".join(map(str, checked.findings))


async def test_trial_knows_what_asterisk_can_do_and_leaves_nothing(pbx: Instance, tmp_path: Path) -> None:
    before = set(Path(gettempdir()).glob("cct-*"))
    trial = await run_trial(pbx)
    assert set(Path(gettempdir()).glob("cct-*")) <= before
    assert {"Queue", "Dial", "Playback", "Gosub"} <= trial.applications
    assert {"FILTER", "CUT", "DB"} <= trial.functions
    assert "System" not in trial.applications
    assert not list((tmp_path / "home" / "var" / "asterisk").glob("etc/*"))


async def test_asterisk_knows_what_the_rules_let_pass(pbx: Instance) -> None:
    """The rules go by Asterisk's XML documentation and modules.conf; the loaded Asterisk must agree."""
    candidate, trial = (await check_candidate(pbx)).candidate, await run_trial(pbx)
    used = {step.application.lower() for step in candidate.plan.steps()}
    assert len(used) > 15
    assert used <= {name.lower() for name in trial.applications}
    without = Trial((), trial.applications - {"Playback"}, trial.functions)
    found = list(load_findings(candidate, without))
    assert found and all("Playback()" in f.what and f.file.startswith("dialplans/") for f in found)


async def test_missing_holiday_year_is_found(pbx: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcenter.clock.now", lambda: datetime(2031, 3, 1, tzinfo=UTC))
    checked = await check_candidate(pbx)
    assert [f.what for f in checked.findings] == ["the holidays of 2031 are not loaded"]
    assert checked.errors == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        ("asterisk/queues.conf.j2", "strategy = rrmemory", "strategy = nonsense", "valid strategy"),
        ("asterisk/pjsip.conf.j2", "rtp_symmetric = yes", "rtp_symetric = yes", "rtp_symetric"),
        ("asterisk/modules.conf.j2", "load = app_stack.so", "load = app_stack.so\nload = res_gone.so", "res_gone.so"),
        ("dialplans/hotline.conf", "exten => s,1,Answer()", "exten => s,1,Answer(", "parenthesis"),
    ],
)
async def test_asterisks_complaint_becomes_a_finding(
    pbx: Instance, sources: Path, file: str, right: str, wrong: str, said: str
) -> None:
    line = edit(sources / file, right, wrong)
    checked = await check_candidate(pbx)
    found = [f for f in checked.errors if f.rule == "asterisk-load" and said in f.what]
    assert found, "\n".join(map(str, checked.findings))
    assert found[0].file == file
    assert abs(found[0].line - line) <= 1


async def test_template_that_cannot_be_rendered_is_said(pbx: Instance, sources: Path) -> None:
    edit(sources / "asterisk" / "queues.conf.j2", "retry = 1", "retry = {{ no_such_setting }}")
    with pytest.raises(InvalidInput, match="no_such_setting"):
        await check_candidate(pbx)


def test_folder_without_dialplans_is_refused(pbx: Instance, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder asterisk"):
        with_sources(pbx, tmp_path)


async def test_deployments_are_stored_once(engine: AsyncEngine) -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    made = [Deployment(n, "somebody", at, {"a.conf": f"您好 {n}"}, ("+ a",), "deployed") for n in (1, 2)]
    for batch in (made[:1], made):
        async with engine.begin() as connection:
            await store(connection, "hotline", batch)
    async with engine.connect() as connection:
        assert await stored_numbers(connection, "hotline") == [1, 2]
        assert await stored_numbers(connection, "other") == []
        row = (await connection.execute(select(deployments).where(deployments.c.number == 2))).one()
    assert unpack(row.files) == {"a.conf": "您好 2"}
    assert (row.changes, row.fingerprint, row.at) == (["+ a"], made[1].fingerprint, at)
