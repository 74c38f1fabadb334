"""Transfers: blind and attended, to whom they should go and to whom they should not, completed and not."""

from tests.acceptance.corpus.story import Expected, Story

WAITED = "caller queues .. A answers"


def transferred(script: str, name: str, expected: Expected, **more: object) -> Story:
    """A story that begins with a talk of two seconds with A."""
    begin = "caller dials hotline\nA answers\ntalk 2\n"
    return Story(name, begin + script, expected, **{"members": 1, **more})


STORIES = [
    transferred(
        """
        A transfers to B
        B answers after 1
        talk 2
        caller hangs up
        """,
        "blind transfer to an agent",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            talk={"A": "A answers .. A transfers to B", "B": "B answers .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A transfers to B
        B answers after 1
        talk 1
        B hangs up
        caller is gone
        """,
        "blind transfer, the second agent hangs up",
        Expected(
            "answered",
            "agent",
            agent="A",
            wait=WAITED,
            talk={"A": "A answers .. A transfers to B", "B": "B answers .. B hangs up"},
        ),
    ),
    transferred(
        """
        A transfers to B
        B rings
        caller hangs up after 1
        """,
        "blind transfer, the caller leaves while it rings",
        Expected("answered", agent="A", wait=WAITED, talk={"A": "A answers .. A transfers to B"}),
    ),
    transferred(
        """
        A transfers to B
        B rings in vain
        A answers after 1
        talk 1
        caller hangs up
        """,
        "blind transfer, nobody answers: back to the queue and the first agent",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            visits=["connected", "connected"],
            talk={"A": ["A answers .. A transfers to B", "A answers again .. caller hangs up"]},
        ),
    ),
    transferred(
        """
        A transfers to B
        B rejects after 0.5
        A answers
        talk 1
        caller hangs up
        """,
        "blind transfer, the colleague is busy: back to the queue",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            visits=["connected", "connected"],
            talk={"A": ["A answers .. A transfers to B", "A answers again .. caller hangs up"]},
        ),
    ),
    transferred(
        """
        colleague B's telephone is unplugged
        A transfers to B
        A answers
        talk 1
        caller hangs up
        """,
        "blind transfer to an unplugged phone: back to the queue",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            visits=["connected", "connected"],
            talk={"A": ["A answers .. A transfers to B", "A answers again .. caller hangs up"]},
        ),
    ),
    transferred(
        """
        A transfers to B
        B rejects
        A rings
        caller hangs up after 1
        """,
        "blind transfer, busy, and the caller leaves the queue",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            visits=["connected", "abandoned"],
            talk={"A": "A answers .. A transfers to B"},
        ),
    ),
    transferred(
        """
        A transfers to B
        B rejects
        A rings in vain
        A rings in vain
        A rings
        A stops ringing
        caller is gone
        """,
        "blind transfer, busy, and nobody answers in the queue",
        Expected(
            "answered",
            "system",
            agent="A",
            wait=WAITED,
            visits=["connected", "timed_out"],
            unanswered="AAA",
            talk={"A": "A answers .. A transfers to B"},
        ),
    ),
    transferred(
        """
        A transfers to 9999
        A's transfer fails
        talk 1
        caller hangs up
        """,
        "blind transfer to nowhere: the call stays",
        Expected("answered", agent="A", wait=WAITED, talk={"A": "A answers .. caller hangs up"}),
    ),
    transferred(
        """
        A transfers to 13800138000
        A's transfer fails
        talk 1
        caller hangs up
        """,
        "blind transfer to the outside: refused, the call stays",
        Expected("answered", agent="A", wait=WAITED, talk={"A": "A answers .. caller hangs up"}),
    ),
    transferred(
        """
        A transfers to hotline
        A's transfer fails
        talk 1
        A hangs up
        caller is gone
        """,
        "blind transfer to the hotline's own number: refused, the call stays",
        Expected("answered", "agent", agent="A", wait=WAITED, talk={"A": "A answers .. A hangs up"}),
    ),
    transferred(
        """
        A holds
        wait 2
        A transfers to B
        B answers after 1
        talk 1
        caller hangs up
        """,
        "blind transfer out of hold",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A holds .. A transfers to B"},
            talk={"A": "A answers .. A holds", "B": "B answers .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A transfers to B
        B answers
        talk 1
        B transfers to C
        C answers
        talk 1
        caller hangs up
        """,
        "transferred blind, and then blind again",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            talk={
                "A": "A answers .. A transfers to B",
                "B": "B answers .. B transfers to C",
                "C": "C answers .. caller hangs up",
            },
        ),
    ),
    transferred(
        """
        A transfers to B
        B answers
        talk 1
        B transfers to A
        A answers
        talk 1
        caller hangs up
        """,
        "transferred blind, and back again",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            talk={
                "A": ["A answers .. A transfers to B", "A answers again .. caller hangs up"],
                "B": "B answers .. B transfers to A",
            },
        ),
    ),
    transferred(
        """
        A consults B
        B answers after 1
        talk 2
        A completes the transfer
        talk 2
        caller hangs up
        """,
        "attended transfer",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A consults B .. A completes the transfer"},
            talk={"A": "A answers .. A consults B", "B": "A completes the transfer .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A consults B
        B answers
        talk 1
        A completes the transfer
        talk 1
        B hangs up
        caller is gone
        """,
        "attended transfer, the second agent hangs up",
        Expected(
            "answered",
            "agent",
            agent="A",
            wait=WAITED,
            hold={"A": "A consults B .. A completes the transfer"},
            talk={"A": "A answers .. A consults B", "B": "A completes the transfer .. B hangs up"},
        ),
    ),
    transferred(
        """
        A consults B
        B rings
        A hangs up after 1
        A resumes
        talk 2
        caller hangs up
        """,
        "consultation given up while it rings",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. A resumes"},
            talk={"A": ["A answers .. A consults B", "A resumes .. caller hangs up"]},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B rejects after 1
        A resumes
        talk 1
        caller hangs up
        """,
        "consultation, the colleague is busy",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. A resumes"},
            talk={"A": ["A answers .. A consults B", "A resumes .. caller hangs up"]},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B rings in vain
        A resumes
        talk 1
        caller hangs up
        """,
        "consultation, the colleague doesn't answer",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. A resumes"},
            talk={"A": ["A answers .. A consults B", "A resumes .. caller hangs up"]},
        ),
        internal=1,
    ),
    transferred(
        """
        colleague B's telephone is unplugged
        A consults B
        wait 1
        A resumes
        talk 1
        caller hangs up
        """,
        "consultation, the colleague's phone is unplugged",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A consults B .. A resumes"},
            talk={"A": ["A answers .. A consults B", "A resumes .. caller hangs up"]},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B answers
        talk 1
        B hangs up
        A resumes after 0.3
        talk 1
        caller hangs up
        """,
        "consultation, the colleague hangs up",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. A resumes"},
            talk={"A": ["A answers .. A consults B", "A resumes .. caller hangs up"]},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B answers
        talk 1
        A hangs up
        A resumes
        talk 1
        A hangs up
        caller is gone
        """,
        "consultation, then on with the caller",
        Expected(
            "answered",
            "agent",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. A resumes"},
            talk={"A": ["A answers .. A consults B", "A resumes .. A hangs up again"]},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B rings
        caller hangs up after 1
        A hangs up
        """,
        "the caller leaves while the colleague's phone rings",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. caller hangs up"},
            talk={"A": "A answers .. A consults B"},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B answers
        talk 1
        caller hangs up
        talk 1
        A hangs up
        """,
        "the caller leaves while the colleagues talk",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            apart="B",
            hold={"A": "A consults B .. caller hangs up"},
            talk={"A": "A answers .. A consults B"},
        ),
        internal=1,
    ),
    transferred(
        """
        A consults B
        B answers
        talk 1
        A completes the transfer
        talk 1
        B consults C
        C answers
        talk 1
        B completes the transfer
        talk 1
        caller hangs up
        """,
        "transferred after consultation, and then again",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A consults B .. A completes the transfer", "B": "B consults C .. B completes the transfer"},
            talk={
                "A": "A answers .. A consults B",
                "B": "A completes the transfer .. B consults C",
                "C": "B completes the transfer .. caller hangs up",
            },
        ),
    ),
    transferred(
        """
        A consults B
        B answers
        A completes the transfer after 1
        talk 1
        B transfers to C
        C answers
        talk 1
        C hangs up
        caller is gone
        """,
        "transferred after consultation, and then blind",
        Expected(
            "answered",
            "agent",
            agent="A",
            wait=WAITED,
            hold={"A": "A consults B .. A completes the transfer"},
            talk={
                "A": "A answers .. A consults B",
                "B": "A completes the transfer .. B transfers to C",
                "C": "C answers .. C hangs up",
            },
        ),
    ),
    transferred(
        """
        A transfers to B
        B answers
        talk 1
        B consults C
        C answers
        talk 1
        B completes the transfer
        talk 1
        caller hangs up
        """,
        "transferred blind, and then after consultation",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"B": "B consults C .. B completes the transfer"},
            talk={
                "A": "A answers .. A transfers to B",
                "B": "B answers .. B consults C",
                "C": "B completes the transfer .. caller hangs up",
            },
        ),
    ),
    transferred(
        """
        A consults B
        B answers
        talk 1
        A hangs up
        A resumes
        talk 1
        A transfers to B
        B answers
        talk 1
        caller hangs up
        """,
        "consultation, back to the caller, then blind to the same colleague",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A consults B .. A resumes"},
            talk={
                "A": ["A answers .. A consults B", "A resumes .. A transfers to B"],
                "B": "B answers again .. caller hangs up",
            },
        ),
        internal=1,
    ),
    transferred(
        """
        A presses *2
        A presses B's number and #
        B answers
        talk 1
        A hangs up
        talk 2
        caller hangs up
        """,
        "attended transfer by digits",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A presses *2 .. A hangs up"},
            talk={"A": "A answers .. A presses *2", "B": "A hangs up .. caller hangs up"},
        ),
    ),
    transferred(
        """
        A presses *2
        A presses B's number and #
        B answers
        talk 1
        A presses *0
        talk 2
        caller hangs up
        """,
        "consultation by digits, given up",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A presses *2 .. A presses *0"},
            talk={"A": ["A answers .. A presses *2", "A presses *0 .. caller hangs up"]},
        ),
    ),
    transferred(
        """
        A presses *2
        A presses B's number and #
        B answers
        talk 1
        A presses *2
        talk 2
        caller hangs up
        """,
        "attended transfer by digits, completed by digits",
        Expected(
            "answered",
            agent="A",
            wait=WAITED,
            hold={"A": "A presses *2 .. A presses *2 again"},
            talk={"A": "A answers .. A presses *2", "B": "A presses *2 again .. caller hangs up"},
        ),
    ),
]
