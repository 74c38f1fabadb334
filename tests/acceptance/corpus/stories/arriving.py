"""From dialling to the answer: who leaves when, and who was answered."""

from tests.acceptance.corpus.story import Expected, Story

WAITED = "caller queues .. A answers"
UNREAD = Expected("invalid", line=None, notice=False, recordings=0, service=None, number="")
UNASKED = Expected("invalid", notice=False, recordings=0, service=None, or_else=UNREAD)
NOBODY = Expected("invalid", notice=False, recordings=None, or_else=UNASKED)
"""Gone before the first word was over; or before the dialplan had asked for the hours, or even read who calls: then
nobody knows his number. Milliseconds decide it.
"""

STORIES = [
    Story(
        "answered, the caller hangs up",
        """
        caller dials hotline
        A answers after 1
        talk 2
        caller hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED),
    ),
    Story(
        "answered, the agent hangs up",
        """
        caller dials hotline
        A answers after 1
        talk 2
        A hangs up
        caller is gone
        """,
        Expected("answered", "agent", agent="A", talk={"A": "A answers .. A hangs up"}, wait=WAITED),
    ),
    Story(
        "answered at once",
        """
        A's telephone answers at once
        caller dials hotline
        A rings
        A is answered
        talk 2
        caller hangs up
        """,
        Expected(
            "answered", agent="A", talk={"A": "A is answered .. caller hangs up"}, wait="caller queues .. A is answered"
        ),
        members=1,
    ),
    Story(
        "answered in the last second of the ringing",
        """
        caller dials hotline
        A answers after 3.2
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED),
        members=1,
    ),
    Story(
        "a talk of no time, the agent hangs up",
        """
        caller dials hotline
        A answers after 1
        A hangs up after 0.1
        caller is gone
        """,
        Expected("answered", "agent", agent="A", talk={"A": "A answers .. A hangs up"}, wait=WAITED),
    ),
    Story(
        "a talk of no time, the caller hangs up",
        """
        caller dials hotline
        A answers after 1
        caller hangs up after 0.2
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED),
    ),
    Story(
        "the caller hangs up in the instant in which the agent answers",
        """
        caller dials hotline
        A rings
        wait 1
        A answers and caller hangs up
        """,
        Expected(
            "answered",
            agent="A",
            talk={"A": "A answers and caller hangs up .. A answers and caller hangs up"},
            wait="caller queues .. A answers and caller hangs up",
            or_else=Expected("abandoned_ringing", wait="caller queues .. A answers and caller hangs up"),
        ),
        members=1,
    ),
    Story(
        "left while the notice was playing",
        """
        caller dials hotline
        caller is answered
        caller hangs up after 0.3
        """,
        Expected("invalid", notice=False),
    ),
    Story(
        "left in the instant of the answer",
        """
        caller dials hotline
        caller is answered
        caller hangs up
        """,
        Expected("invalid", notice=False, recordings=None),
    ),
    Story(
        "left a tenth of a second after the answer",
        """
        caller dials hotline
        caller is answered
        caller hangs up after 0.1
        """,
        Expected("invalid", notice=False, recordings=None),
    ),
    Story(
        "cancelled as soon as dialled",
        """
        caller dials hotline
        caller cancels
        """,
        NOBODY,
    ),
    Story(
        "left while a phone rang",
        """
        caller dials hotline
        A rings
        wait 2
        caller hangs up
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up"),
        members=1,
    ),
    Story(
        "left as soon as a phone rang",
        """
        caller dials hotline
        A rings
        caller hangs up
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up"),
        members=1,
    ),
    Story(
        "a number that is not ours",
        """
        caller dials 99999
        caller hears the system's 404
        """,
        Expected("blocked", "system", line=None, notice=False, recordings=0, service=None),
    ),
    Story(
        "a number of one digit",
        """
        caller dials 7
        caller hears the system's 404
        """,
        Expected("blocked", "system", line=None, notice=False, recordings=0, service=None),
    ),
    Story(
        "a number of fifteen digits",
        """
        caller dials 008613800138000
        caller hears the system's 404
        """,
        Expected("blocked", "system", line=None, notice=False, recordings=0, service=None),
    ),
    Story(
        "an anonymous caller",
        """
        caller dials hotline as anonymous named Anonymous
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED, name="Anonymous"),
    ),
    Story(
        "an anonymous caller whom the provider knows",
        """
        caller dials hotline as anonymous asserted 13612345678 named Anonymous
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED, number="13612345678"),
    ),
    Story(
        "a caller from abroad, written with a plus",
        """
        caller dials hotline as +442079460018
        A answers
        talk 1
        caller hangs up
        """,
        Expected(
            "answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED, number="+442079460018"
        ),
    ),
    Story(
        "a caller from abroad, written with zeros",
        """
        caller dials hotline as 00442079460019
        A answers
        talk 1
        caller hangs up
        """,
        Expected(
            "answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED, number="00442079460019"
        ),
    ),
    Story(
        "a caller from another city, with its area code",
        """
        caller dials hotline as 01065432109
        A rings
        caller hangs up after 1
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up", number="01065432109"),
        members=1,
    ),
    Story(
        "a caller with a Chinese name",
        """
        caller dials hotline named 王小明
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED, name="王小明"),
    ),
    Story(
        "the same caller twice at once",
        """
        caller dials hotline as 13611111111
        A answers
        second dials hotline as 13611111111
        B answers
        talk 1
        caller hangs up
        talk 1
        second hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED, records=2),
        others={
            "second": Expected(
                "answered",
                agent="B",
                talk={"B": "B answers .. second hangs up"},
                wait="second queues .. B answers",
                records=2,
                which=1,
            )
        },
    ),
    Story(
        "the same caller again a moment later",
        """
        caller dials hotline as 13611111112
        A rings
        caller hangs up after 1
        A stops ringing
        second dials hotline as 13611111112
        A answers
        talk 1
        second hangs up
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up", records=2),
        others={
            "second": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers .. second hangs up"},
                wait="second queues .. A answers",
                records=2,
                which=1,
            )
        },
        members=1,
    ),
    Story(
        "two callers at once, two agents",
        """
        caller dials hotline
        A answers
        second dials hotline
        B answers
        talk 1
        B hangs up
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk={"A": "A answers .. caller hangs up"}, wait=WAITED),
        others={
            "second": Expected(
                "answered", "agent", agent="B", talk={"B": "B answers .. B hangs up"}, wait="second queues .. B answers"
            )
        },
    ),
]
