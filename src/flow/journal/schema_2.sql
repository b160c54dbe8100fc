-- What a report of a run is made from: its rows as they were written, what each changed, and how the run ended.

ALTER TABLE runs ADD COLUMN about TEXT;
ALTER TABLE runs ADD COLUMN ending TEXT CHECK (ending IN ('complete', 'stopped', 'broken'));
ALTER TABLE runs ADD COLUMN fault TEXT;
ALTER TABLE runs ADD COLUMN audit_hash TEXT;

ALTER TABLE steps ADD COLUMN run TEXT REFERENCES runs (id);
UPDATE steps SET run = (SELECT run FROM changes WHERE seq = change);

CREATE TABLE forms (
    id      INTEGER PRIMARY KEY,
    format  TEXT NOT NULL CHECK (format IN ('csv', 'jsonl')),
    head    TEXT NOT NULL,
    newline TEXT NOT NULL
) STRICT;

CREATE TABLE run_rows (
    run         TEXT NOT NULL REFERENCES runs (id),
    position    INTEGER NOT NULL,
    change      INTEGER REFERENCES changes (seq),
    form        INTEGER REFERENCES forms (id),
    written     TEXT,
    diff        TEXT,
    result      TEXT,
    began_at    TEXT,
    finished_at TEXT,
    PRIMARY KEY (run, position)
) STRICT;

CREATE INDEX run_rows_by_change ON run_rows (change);
CREATE INDEX steps_by_run ON steps (run);
CREATE INDEX changes_by_guid ON changes (guid);
CREATE INDEX changes_by_identity ON changes (identity COLLATE NOCASE);

INSERT INTO run_rows (run, position, change, result, finished_at)
SELECT run, seq, seq, result, CASE WHEN result IS NULL THEN NULL ELSE updated_at END FROM changes;
