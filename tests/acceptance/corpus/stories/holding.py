"""Hold, park, pickup, three in a call, and what agents dial during a call."""

from tests.acceptance.corpus.stories.transfers import WAITED, transferred
from tests.acceptance.corpus.story import Expected, Story

STORIES = [
    transferred(
        """
        A holds
        wait 2
        A resumes
        talk 2
        caller hangs up
        """,
        "hold and retrieve",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A holds .. A resumes"},
            talk={"A": ["A answers .. A holds", "A resumes .. caller hangs up"]},
        ),
    ),
    transferred(
        """
        A holds
        wait 2
        caller hangs up
        """,
        "on hold the caller hangs up",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A holds .. caller hangs up"},
            talk={"A": "A answers .. A holds"},
        ),
    ),
    transferred(
        """
        A holds
        wait 2
        A hangs up
        caller is gone
        """,
        "on hold the agent hangs up",
        Expected(
            "answered",
            "agent",
            agent="A",
            wait=WAITED,
            hold={"A": "A holds .. A hangs up"},
            talk={"A": "A answers .. A holds"},
        ),
    ),
    transferred(
        """
        A holds
        wait 1.5
        A resumes
        talk 1.5
        A holds
        wait 1.5
        A resumes
        talk 1.5
        A hangs up
        caller is gone
        """,
        "on hold twice",
        Expected(
            "answered",
            "agent",
            agent="A",
            wait=WAITED,
            hold={"A": ["A holds .. A resumes", "A holds again .. A resumes again"]},
            talk={"A": ["A answers .. A holds", "A resumes .. A holds again", "A resumes again .. A hangs up"]},
        ),
    ),
    transferred(
        """
        caller holds
        wait 2
        caller resumes
        talk 1
        caller hangs up
        """,
        "the caller puts us on hold",
        Expected("answered", agent="A", wait=WAITED, talk={"A": "A answers .. caller hangs up"}),
    ),
    transferred(
        """
        A transfers to 700
        A's transfer succeeds
        wait 2
        B calls 701
        B is answered
        talk 2
        caller hangs up
        """,
        "parked and fetched by a colleague",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            timeline=["parked", "unparked"],
            talk={"A": "A answers .. A transfers to 700", "B": "B is answered .. caller hangs up"},
        ),
        lane=0,
    ),
    transferred(
        """
        A transfers to 700
        A's transfer succeeds
        wait 2
        caller hangs up
        """,
        "parked, the caller hangs up",
        Expected(
            "answered", agent="A", wait=WAITED, timeline=["parked"], talk={"A": "A answers .. A transfers to 700"}
        ),
        lane=0,
    ),
    transferred(
        """
        A transfers to 700
        A's transfer succeeds
        A answers after 1
        talk 1
        caller hangs up
        """,
        "parked too long: back to the agent who parked",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            timeline=["parked", "park_timeout"],
            talk={"A": ["A answers .. A transfers to 700", "A answers again .. caller hangs up"]},
        ),
        lane=0,
    ),
    transferred(
        """
        A transfers to 700
        A's transfer succeeds
        A rejects
        A answers
        talk 1
        caller hangs up
        """,
        "parked too long, the agent is busy: to the queue",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            timeline=["parked", "park_timeout"],
            visits=["connected", "connected"],
            talk={"A": ["A answers .. A transfers to 700", "A answers again .. caller hangs up"]},
        ),
        lane=0,
    ),
    Story(
        "picked up by a colleague",
        """
        caller dials hotline
        A rings
        wait 1
        B calls *8A
        B is answered
        talk 2
        caller hangs up
        """,
        Expected(
            "answered", agent="B", talk={"B": "B is answered .. caller hangs up"}, wait="caller queues .. B is answered"
        ),
        members=1,
    ),
    Story(
        "picked up by a colleague, who hangs up",
        """
        caller dials hotline
        A rings
        B calls *8A
        B is answered
        talk 1
        B hangs up
        caller is gone
        """,
        Expected(
            "answered",
            "agent",
            agent="B",
            talk={"B": "B is answered .. B hangs up"},
            wait="caller queues .. B is answered",
        ),
        members=1,
    ),
    transferred(
        """
        A transfers to B
        B rings
        wait 1
        C calls *8B
        C is answered
        talk 1
        caller hangs up
        """,
        "transferred blind, and picked up by a third",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            talk={"A": "A answers .. A transfers to B", "C": "C is answered .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A presses *3
        wait 1
        A presses B's number and #
        B answers
        talk 2
        caller hangs up
        """,
        "three in a call, the caller hangs up",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            marks=["conference"],
            talk={"A": "A answers .. caller hangs up", "B": "B answers .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A presses *3
        wait 1
        A presses B's number and #
        B answers
        talk 2
        A hangs up
        talk 2
        caller hangs up
        """,
        "three in a call, the first agent leaves",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            marks=["conference"],
            talk={"A": "A answers .. A hangs up", "B": "B answers .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A presses *3
        wait 1
        A presses B's number and #
        B rings in vain
        talk 1
        caller hangs up
        """,
        "three in a call, the third doesn't answer",
        Expected("answered", agent="A", wait=WAITED, marks=["conference"], talk={"A": "A answers .. caller hangs up"}),
    ),
    transferred(
        """
        A presses *3
        wait 1
        A presses B's number and #
        B rejects after 1
        talk 1
        caller hangs up
        """,
        "three in a call, the third rejects",
        Expected("answered", agent="A", wait=WAITED, marks=["conference"], talk={"A": "A answers .. caller hangs up"}),
    ),
    transferred(
        """
        A presses *15
        talk 1
        caller hangs up
        """,
        "the agent marks a complaint",
        Expected("answered", agent="A", wait=WAITED, marks=["complaint"], talk={"A": "A answers .. caller hangs up"}),
    ),
    Story(
        "an agent rings a colleague",
        """
        A calls B
        B answers after 1
        talk 1
        A hangs up
        """,
        None,
        internal=1,
    ),
    Story(
        "an agent rings a colleague who doesn't answer",
        """
        A calls B
        B rings
        A hangs up after 1
        """,
        None,
        internal=1,
    ),
]
