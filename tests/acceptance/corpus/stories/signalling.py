"""What telephones do below the talk: digits, fax tones, re-INVITEs, codecs, early media."""

from tests.acceptance.corpus.stories.transfers import WAITED, transferred
from tests.acceptance.corpus.story import Expected, Story

TALKED = Expected("answered", agent="A", wait=WAITED, talk={"A": "A answers .. caller hangs up"})

STORIES = [
    transferred(
        """
        caller presses 12#
        caller presses *2
        talk 1
        caller hangs up
        """,
        "the caller's digits do nothing",
        TALKED,
    ),
    transferred(
        """
        caller presses 12# by INFO
        talk 1
        caller hangs up
        """,
        "the caller's digits by INFO do nothing",
        TALKED,
    ),
    Story(
        "digits while waiting do nothing",
        """
        caller dials hotline
        A rings
        caller presses 1234
        A answers
        talk 1
        caller hangs up
        """,
        TALKED,
        members=1,
    ),
    Story(
        "digits during the notice do nothing",
        """
        caller dials hotline
        caller is answered
        caller presses 5
        A answers
        talk 1
        caller hangs up
        """,
        TALKED,
        members=1,
    ),
    transferred(
        """
        A presses 123
        talk 1
        A hangs up
        caller is gone
        """,
        "the agent's digits that are no code do nothing",
        Expected("answered", "agent", agent="A", wait=WAITED, talk={"A": "A answers .. A hangs up"}),
    ),
    Story(
        "a fax machine rings",
        """
        caller dials hotline
        caller is answered
        caller sends a fax tone
        A answers after 1
        talk 1
        A hangs up
        caller is gone
        """,
        Expected("answered", "agent", agent="A", wait=WAITED, talk={"A": "A answers .. A hangs up"}),
    ),
    transferred(
        """
        caller renegotiates
        talk 1
        caller hangs up
        """,
        "the caller sends a re-INVITE",
        TALKED,
    ),
    transferred(
        """
        A renegotiates
        talk 1
        caller hangs up
        """,
        "the agent's phone sends a re-INVITE",
        TALKED,
    ),
    transferred(
        """
        caller switches to ulaw
        talk 1
        caller hangs up
        """,
        "the caller changes the codec",
        TALKED,
    ),
    transferred(
        """
        A switches to ulaw
        talk 1
        A switches to alaw
        talk 1
        caller hangs up
        """,
        "the agent's phone changes the codec twice",
        TALKED,
    ),
    Story(
        "the caller sends a re-INVITE while a phone rings",
        """
        caller dials hotline
        A rings
        caller renegotiates
        A answers after 1
        talk 1
        caller hangs up
        """,
        TALKED,
        members=1,
    ),
    Story(
        "the caller is on hold by himself while waiting",
        """
        caller dials hotline
        A rings
        caller holds
        wait 1
        caller resumes
        A answers
        talk 1
        caller hangs up
        """,
        TALKED,
        members=1,
    ),
    Story(
        "a phone with early media",
        """
        A first says 183
        caller dials hotline
        A answers after 1
        talk 1
        caller hangs up
        """,
        TALKED,
        members=1,
    ),
    Story(
        "a phone with early media that rings in vain",
        """
        A first says 183
        caller dials hotline
        A rings in vain
        A answers
        talk 1
        caller hangs up
        """,
        Expected("answered", agent="A", wait=WAITED, talk={"A": "A answers .. caller hangs up"}, unanswered="A"),
        members=1,
    ),
    Story(
        "left during early media",
        """
        A first says 183
        caller dials hotline
        A rings
        caller hangs up after 1
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up"),
        members=1,
    ),
    Story(
        "a phone that says nothing before it answers",
        """
        A first says 0
        caller dials hotline
        A answers after 1
        talk 1
        caller hangs up
        """,
        TALKED,
        members=1,
    ),
    Story(
        "a phone that says nothing at all",
        """
        A first says 0
        caller dials hotline
        A rings
        caller hangs up after 2
        """,
        Expected("abandoned_ringing", wait="caller queues .. caller hangs up"),
        members=1,
    ),
]
