-- What a run asked of the cloud, by connection: an object of requests, turned_away and waited_ms for each.

ALTER TABLE runs ADD COLUMN traffic TEXT;
