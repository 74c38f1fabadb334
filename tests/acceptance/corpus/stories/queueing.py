"""In the queue: phones that ring in vain, reject, are away; every way to leave it without an agent."""

from tests.acceptance.corpus.story import Expected, Story

TALK_A = {"A": "A answers .. caller hangs up"}
TALK_B = {"B": "B answers .. caller hangs up"}
WAITED_A, WAITED_B = "caller queues .. A answers", "caller queues .. B answers"
KEEPER = Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A)
"""The caller who keeps the only agent busy."""

STORIES = [
    Story(
        "nobody answers until patience ends",
        """
        caller dials hotline
        A rings in vain
        A rings in vain
        A rings
        A stops ringing
        caller is gone
        """,
        Expected("timed_out", "system", wait="caller queues .. A stops ringing", unanswered="AAA"),
        members=1,
    ),
    Story(
        "rings in vain, then another agent answers",
        """
        caller dials hotline
        A rings in vain
        B answers after 1
        talk 2
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B, unanswered="A"),
    ),
    Story(
        "both ring in vain, then the first answers",
        """
        caller dials hotline
        A rings in vain
        B rings in vain
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A, unanswered="AB"),
    ),
    Story(
        "left between two agents' ringing",
        """
        caller dials hotline
        A rings in vain
        caller hangs up after 0.3
        """,
        Expected("abandoned_in_queue", wait="caller queues .. caller hangs up", unanswered="A"),
    ),
    Story(
        "left while the second agent's phone rang",
        """
        caller dials hotline
        A rings in vain
        B rings
        caller hangs up after 1
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up", unanswered="A"),
    ),
    Story(
        "one rejects, another answers",
        """
        caller dials hotline
        A rejects after 1
        B answers
        talk 2
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B, unanswered="A"),
    ),
    Story(
        "one declines for good, another answers",
        """
        caller dials hotline
        A rejects with 603 after 1
        B answers
        talk 1
        B hangs up
        caller is gone
        """,
        Expected("answered", "agent", agent="B", talk={"B": "B answers .. B hangs up"}, wait=WAITED_B, unanswered="A"),
    ),
    Story(
        "one is not available, another answers",
        """
        caller dials hotline
        A rejects with 480
        B answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B, unanswered="A"),
    ),
    Story(
        "rejects once, answers the second time",
        """
        caller dials hotline
        A rejects after 0.5
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A, unanswered="A"),
        members=1,
    ),
    Story(
        "left just after a rejection",
        """
        caller dials hotline
        A rejects after 1
        caller hangs up after 0.2
        """,
        Expected("abandoned_in_queue", wait="caller queues .. caller hangs up", unanswered="A"),
        members=1,
    ),
    Story(
        "one phone is unplugged, the other answers",
        """
        A's telephone is unplugged
        caller dials hotline
        B answers after 1
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B),
    ),
    Story(
        "no phone is plugged in",
        """
        A's telephone is unplugged
        caller dials hotline
        caller is gone
        """,
        Expected("no_agent", "system"),
        members=1,
    ),
    Story(
        "nobody is a member of the queue",
        """
        caller dials hotline
        caller is gone
        """,
        Expected("no_agent", "system"),
        members=0,
    ),
    Story(
        "the only phone is unplugged while somebody waits",
        """
        caller dials hotline
        A rejects
        A's telephone is unplugged
        caller is gone
        """,
        Expected("timed_out", "system", wait="caller queues .. caller patience", unanswered="A"),
        members=1,
    ),
    Story(
        "the queue throws out who waits for nobody",
        """
        caller dials hotline
        A rejects
        A's telephone is unplugged
        caller is gone
        """,
        Expected("no_agent", "system", wait="caller queues .. caller told", unanswered="A"),
        members=1,
        queue="empty-leaves",
    ),
    Story(
        "the phone is plugged in while somebody waits",
        """
        A's telephone is unplugged
        B's telephone is plugged in
        caller dials hotline
        B rejects
        A's telephone is plugged in
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A, unanswered="B"),
    ),
    Story(
        "one is paused, the other answers",
        """
        A takes a break
        caller dials hotline
        B answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B),
    ),
    Story(
        "everybody is paused: he waits in vain",
        """
        A takes a break
        caller dials hotline
        caller is gone
        """,
        Expected("timed_out", "system", wait="caller queues .. caller patience"),
        members=1,
    ),
    Story(
        "everybody is paused: he leaves",
        """
        A takes a break
        caller dials hotline
        caller waits in the queue
        wait 2
        caller hangs up
        """,
        Expected("abandoned_in_queue", wait="caller queues .. caller hangs up"),
        members=1,
    ),
    Story(
        "the agent comes back from his break and answers",
        """
        A takes a break
        caller dials hotline
        caller waits in the queue
        A ends the break
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A),
        members=1,
    ),
    Story(
        "a queue that takes nobody while all are paused",
        """
        A takes a break
        caller dials hotline
        caller is gone
        """,
        Expected("no_agent", "system"),
        members=1,
        queue="paused-refuses",
    ),
    Story(
        "the last agent pauses, and the queue empties",
        """
        caller dials hotline
        A rejects
        A takes a break
        caller is gone
        """,
        Expected("no_agent", "system", wait="caller queues .. caller told", unanswered="A"),
        members=1,
        queue="paused-refuses",
    ),
    Story(
        "the queue is full",
        """
        caller dials hotline
        A answers
        second dials hotline
        second waits in the queue
        third dials hotline
        third is gone
        second hangs up
        caller hangs up
        """,
        KEEPER,
        others={
            "second": Expected("abandoned_in_queue", wait="second queues .. second hangs up"),
            "third": Expected("queue_full", "system"),
        },
        members=1,
        queue="one-waits",
    ),
    Story(
        "the queue does not exist",
        """
        caller dials hotline
        caller is gone
        """,
        Expected("system_failure", "system", visits=["system_failure"]),
        queue="unknown",
    ),
    Story(
        "the agent talks, the next caller leaves",
        """
        caller dials hotline
        A answers
        second dials hotline
        second waits in the queue
        wait 1
        second hangs up
        caller hangs up
        """,
        KEEPER,
        others={"second": Expected("abandoned_in_queue", wait="second queues .. second hangs up")},
        members=1,
    ),
    Story(
        "the agent talks, the next caller waits his turn",
        """
        caller dials hotline
        A answers
        second dials hotline
        second waits in the queue
        caller hangs up
        A answers after 1
        talk 1
        second hangs up
        """,
        KEEPER,
        others={
            "second": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers again .. second hangs up"},
                wait="second queues .. A answers again",
            )
        },
        members=1,
    ),
    Story(
        "three wait, the first come is the first served",
        """
        caller dials hotline
        A answers
        second dials hotline
        second waits in the queue
        third dials hotline
        third waits in the queue
        caller hangs up
        A answers
        talk 1
        A hangs up
        A answers
        third hangs up after 1
        """,
        KEEPER,
        others={
            "second": Expected(
                "answered",
                "agent",
                agent="A",
                talk={"A": "A answers again .. A hangs up"},
                wait="second queues .. A answers again",
            ),
            "third": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers again again .. third hangs up"},
                wait="third queues .. A answers again again",
            ),
        },
        members=1,
    ),
    Story(
        "the first in line leaves, the second is served",
        """
        caller dials hotline
        A answers
        second dials hotline
        second waits in the queue
        third dials hotline
        third waits in the queue
        second hangs up
        caller hangs up
        A answers
        talk 1
        third hangs up
        """,
        KEEPER,
        others={
            "second": Expected("abandoned_in_queue", wait="second queues .. second hangs up"),
            "third": Expected(
                "answered",
                agent="A",
                talk={"A": "A answers again .. third hangs up"},
                wait="third queues .. A answers again",
            ),
        },
        members=1,
    ),
    Story(
        "taken out of the queue by an administrator, and let in again",
        """
        caller dials hotline
        A rejects
        caller is withdrawn from the queue
        A answers
        talk 1
        caller hangs up
        """,
        Expected(
            "answered",
            agent="A",
            talk=TALK_A,
            unanswered="A",
            visits=["withdrawn", "connected"],
            wait=["caller queues .. A answers"],
        ),
        members=1,
    ),
    Story(
        "all ring at once, one answers",
        """
        caller dials hotline
        A rings
        B rings
        A answers after 1
        talk 2
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A),
        queue="ringall",
    ),
    Story(
        "three ring at once, the last answers, the agent hangs up",
        """
        caller dials hotline
        A rings
        B rings
        C rings
        C answers after 1
        talk 1
        C hangs up
        caller is gone
        """,
        Expected(
            "answered", "agent", agent="C", talk={"C": "C answers .. C hangs up"}, wait="caller queues .. C answers"
        ),
        members=3,
        queue="ringall",
    ),
    Story(
        "all ring at once, one rejects, the other answers",
        """
        caller dials hotline
        A rings
        B rings
        A rejects after 0.5
        B answers after 1
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B, unanswered="A"),
        queue="ringall",
    ),
    Story(
        "all ring at once, the caller leaves",
        """
        caller dials hotline
        A rings
        B rings
        caller hangs up after 2
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up"),
        queue="ringall",
    ),
    Story(
        "all ring at once and in vain, the second time one answers",
        """
        caller dials hotline
        A rings
        B rings
        A stops ringing
        B stops ringing
        A rings
        B rings
        B answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B, unanswered="AB"),
        queue="ringall",
    ),
    Story(
        "all ring at once, both reject, and again until one answers",
        """
        caller dials hotline
        A rings
        B rings
        A rejects
        B rejects
        A rings
        B rings
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", talk=TALK_A, wait=WAITED_A, unanswered="AB"),
        queue="ringall",
    ),
    Story(
        "all ring at once, one phone is unplugged",
        """
        A's telephone is unplugged
        caller dials hotline
        B rings
        B answers after 1
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="B", talk=TALK_B, wait=WAITED_B),
        queue="ringall",
    ),
    Story(
        "all ring at once, two answer in the same instant",
        """
        A's telephone answers at once after 0.5
        B's telephone answers at once after 0.5
        caller dials hotline
        A rings
        B rings
        talk 3
        caller hangs up
        """,
        Expected(
            "answered",
            agent="A",
            talk={"A": "A is connected .. caller hangs up"},
            wait="caller queues .. A is connected",
            or_else=Expected(
                "answered",
                agent="B",
                talk={"B": "B is connected .. caller hangs up"},
                wait="caller queues .. B is connected",
            ),
        ),
        queue="ringall",
    ),
]
