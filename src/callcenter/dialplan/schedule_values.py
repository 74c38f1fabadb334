"""The schedule as the dialplan gets it: what decides when nothing fresh was pushed (`dialplans/service.conf.j2`)."""

from typing import Any

from callcenter.calls.model import Line
from callcenter.dialplan.site import Site
from callcenter.schedule import fallback, snapshot


def schedule_values(site: Site) -> dict[str, Any]:
    """Days and hours that the listener last wrote, or those that this version shipped with."""
    facts = snapshot.read(site.schedule_path)
    return {"special_days": fallback.special_days(facts), "spans": fallback.spans(Line.HOTLINE, facts)}
