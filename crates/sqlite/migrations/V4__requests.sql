-- When a request was taken, Unix milliseconds: after a day its key is free again. In `answer` stands the message's id, in digits; in
-- `scope` the sender's id, or nothing where there is none. A service's keys begin with its name, as those of messages do.
ALTER TABLE requests ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX requests_by_age ON requests (created_at);
