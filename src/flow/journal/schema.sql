CREATE TABLE runs (
    id          TEXT PRIMARY KEY,
    command     TEXT NOT NULL,
    connection  TEXT NOT NULL,
    source      TEXT NOT NULL,
    started_at  TEXT NOT NULL,
    finished_at TEXT
) STRICT;

CREATE TABLE changes (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    run          TEXT NOT NULL REFERENCES runs (id),
    source       TEXT NOT NULL,
    line         INTEGER,
    change_id    TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    content      TEXT NOT NULL,
    connection   TEXT NOT NULL,
    identity     TEXT NOT NULL,
    guid         TEXT,
    base_hash    TEXT,
    plan         TEXT,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'refused', 'failed', 'pending')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    result       TEXT,
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL,
    UNIQUE (connection, source, change_id)
) STRICT;

CREATE INDEX changes_by_state ON changes (state);
CREATE INDEX changes_by_change_id ON changes (change_id);

CREATE TABLE steps (
    change     INTEGER NOT NULL REFERENCES changes (seq),
    attempt    INTEGER NOT NULL,
    step       INTEGER NOT NULL,
    cmdlet     TEXT NOT NULL,
    parameters TEXT NOT NULL,
    intent_at  TEXT NOT NULL,
    outcome    TEXT CHECK (outcome IN ('done', 'failed', 'unknown')),
    detail     TEXT,
    outcome_at TEXT,
    PRIMARY KEY (change, attempt, step)
) STRICT;

CREATE INDEX steps_without_outcome ON steps (change) WHERE outcome IS NULL;
