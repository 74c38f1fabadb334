"""The emergency line: who is rung when, mobiles that must confirm, and what the caller does meanwhile."""

from tests.acceptance.corpus.story import Expected, Spans, Story

STEP_SECONDS = 5
CHAIN = (f"{STEP_SECONDS}:2001", f"{STEP_SECONDS}:2002&m13800000991")
"""First A, then B and a mobile as well; lanes.phones_of(0)"""


def answered(
    role: str, wait: Spans, *, ends: str = "caller", talk_to: str = "caller hangs up", **more: object
) -> Expected:
    talk = {role: f"{role} answers .. {talk_to}"}
    given = {"line": "emergency", "agent": role, "talk": talk, "wait": wait, **more}
    return Expected("answered", ends, **given)


def story(name: str, script: str, expected: Expected, **more: object) -> Story:
    return Story(name, script, expected, **{"members": 0, "lane": 0, **more})


STORIES = [
    story(
        "emergency: the first on duty answers",
        """
        caller dials emergency
        A answers after 1
        talk 2
        caller hangs up
        """,
        answered("A", "caller queues .. A answers"),
    ),
    story(
        "emergency: the agent hangs up",
        """
        caller dials emergency
        A answers after 1
        talk 1
        A hangs up
        caller is gone
        """,
        answered("A", "caller queues .. A answers", ends="agent", talk_to="A hangs up"),
    ),
    story(
        "emergency: left during the notice",
        """
        caller dials emergency
        caller is answered
        caller hangs up after 0.3
        """,
        Expected("invalid", line="emergency", notice=False),
    ),
    story(
        "emergency: the caller gives up while it rings",
        """
        caller dials emergency
        A rings
        caller hangs up after 2
        """,
        Expected("abandoned_ringing", line="emergency", wait="caller queues .. caller hangs up"),
    ),
    story(
        "emergency: the second step rings as well, its phone answers",
        """
        caller dials emergency
        A rings
        B rings
        mobile rings
        B answers after 1
        talk 2
        caller hangs up
        """,
        answered("B", "caller queues .. B answers", marks=["escalated"], timeline=["emergency_step"]),
    ),
    story(
        "emergency: the first answers when the second rings already",
        """
        caller dials emergency
        A rings
        B rings
        A answers after 1
        talk 1
        caller hangs up
        """,
        answered("A", "caller queues .. A answers", marks=["escalated"]),
    ),
    story(
        "emergency: the mobile answers and confirms",
        """
        caller dials emergency
        A rings
        mobile answers after 1
        wait 1.5
        mobile presses 1
        talk 3
        caller hangs up
        """,
        Expected(
            "answered",
            line="emergency",
            agent="mobile",
            marks=["escalated"],
            timeline=["emergency_confirmed"],
            talk={"mobile": "mobile presses 1 .. caller hangs up"},
            wait="caller queues .. mobile presses 1",
        ),
    ),
    story(
        "emergency: the mobile's mailbox answers, the phone takes the call",
        """
        caller dials emergency
        A rings
        mobile answers
        mobile is gone
        A answers
        talk 1
        caller hangs up
        """,
        answered("A", "caller queues .. A answers", marks=["escalated"], timeline=["emergency_unconfirmed"]),
    ),
    story(
        "emergency: the mobile rejects, the phone takes the call",
        """
        caller dials emergency
        A rings
        mobile rejects after 1
        A answers after 1
        talk 1
        caller hangs up
        """,
        answered("A", "caller queues .. A answers", marks=["escalated"]),
    ),
    story(
        "emergency: the first rejects, and is rung again",
        """
        caller dials emergency
        A rejects
        B rings
        A rings
        A answers
        talk 1
        caller hangs up
        """,
        answered("A", "caller queues .. A answers", marks=["escalated"]),
    ),
    story(
        "emergency: the first phone is unplugged, the second rings at once",
        """
        2001 is unplugged
        caller dials emergency
        B answers after 1
        talk 1
        caller hangs up
        """,
        answered("B", "caller queues .. B answers", marks=["escalated"]),
    ),
    story(
        "emergency: nobody answers, it rings on, the second answers at last",
        """
        caller dials emergency
        A rings
        B rings
        wait 7
        B answers
        talk 1
        caller hangs up
        """,
        answered("B", "caller queues .. B answers", marks=["escalated"], timeline=["emergency_unanswered"]),
    ),
    story(
        "emergency: nobody answers, the caller gives up",
        """
        caller dials emergency
        A rings
        B rings
        caller hangs up after 7
        """,
        Expected(
            "abandoned_ringing",
            line="emergency",
            wait="caller queues .. caller hangs up",
            marks=["escalated"],
            timeline=["emergency_unanswered"],
        ),
    ),
    story(
        "emergency: transferred to a colleague",
        """
        caller dials emergency
        A answers
        talk 1
        A transfers to C
        C answers after 1
        talk 1
        caller hangs up
        """,
        Expected(
            "answered",
            line="emergency",
            agent="A",
            wait="caller queues .. A answers",
            talk={"A": "A answers .. A transfers to C", "C": "C answers .. caller hangs up"},
        ),
    ),
    story(
        "emergency: transferred to a colleague who rejects, back to the chain",
        """
        caller dials emergency
        A answers
        talk 1
        A transfers to C
        C rejects
        A answers
        talk 1
        caller hangs up
        """,
        Expected(
            "answered",
            line="emergency",
            agent="A",
            wait="caller queues .. A answers",
            visits=["connected", "connected"],
            talk={"A": ["A answers .. A transfers to C", "A answers again .. caller hangs up"]},
        ),
    ),
    story(
        "emergency: hold, and on with it",
        """
        caller dials emergency
        A answers
        talk 1
        A holds
        wait 2
        A resumes
        talk 1
        caller hangs up
        """,
        Expected(
            "answered",
            line="emergency",
            agent="A",
            wait="caller queues .. A answers",
            hold={"A": "A holds .. A resumes"},
            talk={"A": ["A answers .. A holds", "A resumes .. caller hangs up"]},
        ),
    ),
]
