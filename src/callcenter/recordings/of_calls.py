"""Statements that hold calls against recordings. By SQL on the table `calls`, whose module lies above this one.

A citizen's channel is the first one of the trunk, if it was answered: those that a transfer or an agent rings beside it
are on its recording (`calls.recorded`). Of calls whose month was detached nothing is said.
"""

NAME_OF = "regexp_replace(leg.value->>'uniqueid', '[^0-9A-Za-z._-]', '', 'g')"
"""What the dialplan names the files after (`calls.recorded.file_name`)."""

WITHOUT_RECORDING = (
    "SELECT c.pbx, c.id, c.started_at, citizen.name FROM calls c CROSS JOIN LATERAL ("  # noqa: S608 - our own text
    f" SELECT {NAME_OF} AS name, leg.value->>'answered_at' AS answered_at"
    " FROM jsonb_array_elements(c.legs) WITH ORDINALITY AS leg"
    " WHERE leg.value->>'channel' LIKE 'PJSIP/trunk%' AND leg.value->>'uniqueid' NOT LIKE 'place-%'"
    " ORDER BY leg.ordinality LIMIT 1) AS citizen"
    " LEFT JOIN recordings r ON r.call_id = c.id AND r.pbx = c.pbx AND r.name = citizen.name"
    " WHERE citizen.answered_at IS NOT NULL AND r.id IS NULL"
)
"""Calls with an answered citizen of whose recording no row is there."""
BEGUN_WITHIN = " AND c.started_at >= :since AND c.started_at < :until"
OF_ANOTHER_CALL = (
    "SELECT r.pbx, r.id, r.name, r.call_id FROM recordings r JOIN calls c ON c.id = r.call_id WHERE NOT EXISTS ("  # noqa: S608
    f" SELECT FROM jsonb_array_elements(c.legs) AS leg WHERE {NAME_OF} = r.name)"
)
"""Recordings that hang on a call in which there is no channel of theirs."""
