"""By the calendar: the menu, the second line, after hours, closing time, midnight, New Year, and a talk of three hours.

Tuesday 30 December 2025 is a working day, 1 January 2026 a holiday. The clock only moves forward.
"""

from dataclasses import replace

from tests.acceptance.corpus.lanes import REAL
from tests.acceptance.corpus.story import Expected, Story

MORNING, NOON, CLOSING, EVENING = "2025-12-30 09:10", "2025-12-30 12:00", "2025-12-30 16:59:50", "2025-12-30 20:00"
MIDNIGHT, NEW_YEAR = "2025-12-30 23:59:53", "2025-12-31 23:59:53"
TALK = {"A": "A answers .. caller hangs up"}


def chose(digits: str, menu: str | None, name: str, **more: object) -> Story:
    expected = Expected(
        "answered", agent="A", talk=TALK, wait=f"caller chooses {digits} .. A answers", menu=menu, **more
    )
    script = f"caller dials hotline\ncaller chooses {digits}\nA answers\ntalk 1\ncaller hangs up"
    return Story(name, script, expected, members=1, at=MORNING)


def after_hours(name: str, script: str, expected: Expected) -> Story:
    lane = 0 if expected.line == "emergency" else None  # whose phones are the agents'
    return Story(name, script, expected, members=1, at=EVENING, lane=lane)


MENU = [
    chose("1", "1", "menu: consultation"),
    chose("2", "2", "menu: complaint", marks=["complaint_wanted"]),
    chose("3", "3", "menu: progress of a case"),
    chose("0", "0", "menu: an agent at once"),
    chose("*1", "1", "menu: heard again, then chosen"),
    chose("91", "1", "menu: in English", timeline=["language"]),
    chose("71", "1", "menu: a wrong digit, then a right one", timeline=["menu_wrong"]),
    Story(
        "menu: wrong three times, to an agent all the same",
        """
        caller dials hotline
        caller chooses 7#8
        A rings
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="A rings .. A answers", menu="", timeline=["menu_wrong"]),
        members=1,
        at=MORNING,
    ),
    Story(
        "menu: nothing chosen, to an agent all the same",
        """
        caller dials hotline
        A rings
        A answers after 1
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="A rings .. A answers", menu=""),
        members=1,
        at=MORNING,
    ),
    Story(
        "menu: left in it",
        """
        caller dials hotline
        caller waits in the queue
        caller hangs up after 1
        """,
        Expected("abandoned_in_menu"),
        members=1,
        at=MORNING,
    ),
    Story(
        "menu: left after a wrong digit",
        """
        caller dials hotline
        caller chooses 7
        caller hangs up
        """,
        Expected("abandoned_in_menu", timeline=["menu_wrong"]),
        members=1,
        at=MORNING,
    ),
    Story(
        "menu: chosen, then left while a phone rings",
        """
        caller dials hotline
        caller chooses 1
        A rings
        caller hangs up after 1
        """,
        Expected("abandoned_ringing", wait="caller chooses 1 .. caller hangs up", menu="1"),
        members=1,
        at=MORNING,
    ),
]

AFTER_HOURS = [
    after_hours(
        "closed: told so, no message",
        """
        caller dials hotline
        caller is answered
        caller says nothing
        caller is gone
        """,
        Expected("closed", "system", service="closed", timeline=["closed_played", "voicemail_empty"]),
    ),
    after_hours(
        "closed: left while being told",
        """
        caller dials hotline
        caller waits in the queue
        caller hangs up after 0.5
        """,
        Expected("closed", service="closed"),
    ),
    after_hours(
        "closed: left during the notice",
        """
        caller dials hotline
        caller is answered
        caller hangs up after 0.3
        """,
        Expected("invalid", notice=False, service="closed"),
    ),
    after_hours(
        "closed: a message",
        """
        caller dials hotline
        caller is answered
        wait 30
        caller hangs up
        """,
        Expected("closed", service="closed", marks=["voicemail"], timeline=["closed_played", "voicemail_begins"]),
    ),
    after_hours(
        "closed: a message, ended with #",
        """
        caller dials hotline
        caller is answered
        wait 30
        caller presses #
        caller is gone
        """,
        Expected("closed", "system", service="closed", marks=["voicemail"], timeline=["closed_played"]),
    ),
    after_hours(
        "closed: the emergency line answers",
        """
        caller dials emergency
        A answers after 1
        talk 1
        caller hangs up
        """,
        Expected("answered", line="emergency", agent="A", talk=TALK, wait="caller queues .. A answers"),
    ),
]

CLOCK = [
    Story(
        "a talk of three hours",
        """
        caller dials hotline
        caller chooses 1
        A answers after 1
        talk 1
        the clock moves to 2025-12-30 15:00
        talk 2
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="caller chooses 1 .. A answers", menu="1"),
        members=1,
        at=NOON,
    ),
    Story(
        "on hold for an hour",
        """
        caller dials hotline
        caller chooses 1
        A answers
        talk 1
        A holds
        the clock moves to 2025-12-30 16:00
        A resumes after 1
        talk 1
        A hangs up
        caller is gone
        """,
        Expected(
            "answered",
            "agent",
            agent="A",
            talk={"A": ["A answers .. A holds", "A resumes .. A hangs up"]},
            hold={"A": "A holds .. A resumes"},
            wait="caller chooses 1 .. A answers",
            menu="1",
        ),
        members=1,
        at="2025-12-30 15:05",
    ),
    Story(
        "a talk across closing time",
        """
        caller dials hotline
        caller chooses 1
        A answers after 1
        talk 9
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="caller chooses 1 .. A answers", menu="1"),
        members=1,
        at=CLOSING,
    ),
    Story(
        "rung before closing time, answered after it, within the grace",
        """
        caller dials hotline
        caller chooses 1
        A rings in vain
        A rings
        A answers after 2.5
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="caller chooses 1 .. A answers", menu="1", unanswered="A"),
        members=1,
        at=CLOSING,
    ),
    Story(
        "the emergency line across midnight",
        """
        caller dials emergency
        A answers after 1
        talk 6
        caller hangs up
        """,
        Expected("answered", line="emergency", agent="A", talk=TALK, wait="caller queues .. A answers"),
        members=0,
        lane=0,
        at=MIDNIGHT,
    ),
    Story(
        "closed, told so across midnight",
        """
        caller dials hotline
        caller is answered
        caller says nothing
        caller is gone
        """,
        Expected("closed", "system", service="closed", timeline=["closed_played", "voicemail_empty"]),
        at=MIDNIGHT,
        lane=1,
    ),
    Story(
        "the emergency line across New Year",
        """
        caller dials emergency
        A answers after 1
        talk 6
        A hangs up
        caller is gone
        """,
        Expected(
            "answered",
            "agent",
            line="emergency",
            agent="A",
            talk={"A": "A answers .. A hangs up"},
            wait="caller queues .. A answers",
        ),
        members=0,
        lane=0,
        at=NEW_YEAR,
    ),
    Story(
        "New Year's Day is a holiday",
        """
        caller dials hotline
        caller waits in the queue
        caller hangs up after 0.5
        """,
        Expected("closed", service="closed"),
        at="2026-01-01 10:00",
    ),
]

SECOND_ANSWERS = Expected(
    "answered",
    agent="B",
    talk={"B": "B answers .. caller hangs up"},
    wait="caller chooses 1 .. B answers",
    menu="1",
    marks=["overflow"],
    unanswered="A",
)
"""From the set time on both lines take their turns: it may be the first agent's once more."""

SECOND_LINE = [
    Story(
        "second line: rung after a wait",
        """
        caller dials hotline
        caller chooses 1
        A answers
        second dials hotline
        second chooses 1
        B answers
        talk 1
        second hangs up
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="caller chooses 1 .. A answers", menu="1"),
        others={
            "second": Expected(
                "answered",
                agent="B",
                talk={"B": "B answers .. second hangs up"},
                marks=["overflow"],
                menu="1",
                wait="second chooses 1 .. B answers",
            )
        },
        members=2,
        queue=REAL,
        lane=0,
        at=MORNING,
    ),
    Story(
        "second line: rung when the first does not answer",
        """
        caller dials hotline
        caller chooses 1
        A rings
        B answers
        talk 1
        caller hangs up
        """,
        replace(SECOND_ANSWERS, or_else=replace(SECOND_ANSWERS, unanswered="AA")),
        members=2,
        queue=REAL,
        lane=0,
        at=MORNING,
    ),
    Story(
        "second line: nobody of the first is there",
        """
        2001 is unplugged
        caller dials hotline
        caller chooses 1
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK, wait="caller chooses 1 .. A answers", menu="1", marks=["overflow"]),
        members=2,
        queue=REAL,
        lane=0,
        at=MORNING,
    ),
]

CALLBACKS = [
    Story(
        "a callback: asked for, rung back, answered",
        """
        2002 is unplugged
        outside is the caller's telephone
        second dials hotline
        second chooses 1
        A answers
        caller dials hotline
        caller chooses 1
        caller presses 5
        caller keeps pressing 1 until he is gone
        second hangs up
        outside answers after 1
        A answers
        talk 2
        outside hangs up
        """,
        Expected(
            "abandoned_in_queue",
            "system",
            visits=["left_by_key"],
            wait="caller chooses 1 .. caller presses 5",
            menu="1",
            marks=["callback", "callback_offered"],
            records=2,
        ),
        others={
            "second": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers .. second hangs up"},
                wait="second chooses 1 .. A answers",
                menu="1",
            ),
            "outside": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers again .. outside hangs up"},
                direction="outbound",
                wait="outside queues .. A answers again",
                marks=["callback"],
                records=2,
                which=1,
                service=None,
            ),
        },
        outbound=1,
        members=1,
        queue=REAL,
        lane=0,
        at=MORNING,
    ),
    Story(
        "a callback: offered, declined, back at his place",
        """
        2002 is unplugged
        second dials hotline
        second chooses 1
        A answers
        caller dials hotline
        caller chooses 1
        caller presses 5
        caller keeps pressing 3 for 16 seconds
        second hangs up
        A answers
        talk 1
        caller hangs up
        """,
        Expected(
            "answered",
            agent="A",
            talk={"A": "A answers again .. caller hangs up"},
            menu="1",
            visits=["left_by_key", "connected"],
            marks=["callback_offered", "overflow"],
            wait=None,
        ),
        others={
            "second": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers .. second hangs up"},
                wait="second chooses 1 .. A answers",
                menu="1",
            ),
        },
        members=1,
        queue=REAL,
        lane=0,
        at=MORNING,
    ),
]


def outward(name: str, script: str, expected: Expected) -> Story:
    return Story(name, script, None, others={"A": expected}, members=0, outbound=1, at=MORNING)


OUTWARD = [
    outward(
        "outward: answered, the agent hangs up",
        """
        A calls outside
        outside answers after 1
        talk 4
        A hangs up
        """,
        Expected(
            "answered",
            "caller",
            agent="A",
            direction="outbound",
            visits=[],
            line=None,
            service=None,
            talk={"A": "outside queues .. A hangs up"},
        ),
    ),
    outward(
        "outward: answered, the citizen hangs up",
        """
        A calls outside
        outside answers after 1
        talk 4
        outside hangs up
        A is gone
        """,
        Expected(
            "answered",
            "system",
            agent="A",
            direction="outbound",
            visits=[],
            line=None,
            service=None,
            talk={"A": "outside queues .. outside hangs up"},
        ),
    ),
    outward(
        "outward: early media, then answered",
        """
        outside first says 183
        A calls outside
        outside answers after 2
        talk 4
        A hangs up
        """,
        Expected(
            "answered",
            "caller",
            agent="A",
            direction="outbound",
            visits=[],
            line=None,
            service=None,
            talk={"A": "outside queues .. A hangs up"},
        ),
    ),
]

STORIES = [*AFTER_HOURS, *SECOND_LINE, *CALLBACKS, *OUTWARD, *MENU, *CLOCK]
