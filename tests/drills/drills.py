"""The table: what fails, how long, and how the operator hears of it."""

from tests.drills.faults import broker, clocks, database, disks, failover, journals, manager, own_processes
from tests.drills.run import Drill

ENDED = "log:run:has ended"
GONE = "health:asterisk|health:ami|log:run:asterisk has ended"
"""Health says it while it lasts, a second or two; the supervisor's line stays."""
NO_LINK = "health:ami|log:listen:No connection"
STORING = "health:journal|health:database|log:listen:store_waits"

DIES = Drill("Asterisk killed with calls up", own_processes.asterisk_killed, GONE, 1, 10, crowd=(12, 50))

SERVICE = (
    (Drill("our service killed at random instants", own_processes.kill_at_random, ENDED, 6, 600),),
    (
        Drill("our listener stopped (SIGSTOP)", own_processes.listener_stopped, "health:ami", 12, 300),
        Drill("journal rotated under our eyes", journals.rotated, "", 3, 60),
    ),
    (Drill("our supervisor killed", own_processes.supervisor_killed, "health:api", 1, 20),),
    (Drill("killed between commit and answer", own_processes.killed_after_commit, ENDED, 4, 60),),
    (Drill("journal unreadable", journals.unreadable, "health:journal", 2, 60),),
    (Drill("journal rotated twice while we were away", journals.rotated_twice, "health:journal", 11, 120),),
    (DIES,),
    (Drill("Asterisk restarted with calls up", own_processes.asterisk_restarted, GONE, 1, 10, crowd=(12, 50)),),
)
"""Rounds on one hotline: what stands together fails at the same time in the short form."""

OUTSIDE = (
    (
        Drill("answers to COMMIT lost", database.answers_lost, STORING, 5, 60),
        Drill("AMI half-open", manager.half_open, "health:ami", 12, 60),
    ),
    (
        Drill("broker: acknowledgements lost, delivered twice", broker.acknowledgements_lost, "health:mqtt", 4, 30),
        Drill("AMI reset, events cut in the middle", manager.reset, NO_LINK, 4, 60),
    ),
    (
        Drill("Postgres killed", database.stopped, STORING, 2, 60),
        Drill("broker frozen (SIGSTOP)", broker.frozen, "health:mqtt", 14, 60),
    ),
    (
        Drill("Postgres hung (SIGSTOP)", database.hung, f"{STORING}|health:api", 10, 90),
        Drill("AMI at 1 kB/s", manager.slow, NO_LINK, 16, 60),
    ),
    (
        Drill("Postgres out of connections", database.out_of_connections, STORING, 6, 60),
        Drill("journal: torn lines and rubbish", journals.rubbish, "log:listen:journal_line_rejected", 3, 30),
    ),
    (
        Drill("broker killed", broker.killed, "health:mqtt", 2, 60),
        Drill("AMI password wrong", manager.wrong_password, "health:ami", 4, 60),
    ),
    (Drill("journal truncated", journals.cut, "log:listen:journal_gap", 1, 10),),
    (Drill("Postgres failed over, last commits unknown or lost", failover.failed_over, STORING, 2, 20),),
)
"""The last one leaves the hotline on another server."""

SMALL_DISKS = (
    (Drill("disk full: recordings", disks.recordings_full, "health:disk|alert:disk_low", 4, 60),),
    (Drill("disk full: journal", disks.journal_full, "health:disk|alert:disk_low", 4, 60),),
    (Drill("disk full: Postgres", disks.database_full, "health:journal", 3, 60),),
)
CLOCK = (
    (Drill("clock set by an hour, and back", clocks.stepped, "alert:clock_stepped", 8, 60),),
    (Drill("clock slewed", clocks.slewed, "", 4, 30),),
)
