-- For whom message types were switched on at run time; a type without a row goes by its configuration.
CREATE TABLE rollouts (
    type TEXT NOT NULL UNIQUE,
    percent INTEGER NOT NULL       -- 0 to 100
);
-- Users for whom a type is on whatever the share.
CREATE TABLE rollout_users (
    type TEXT NOT NULL,            -- rollouts.type
    user NOT NULL,
    UNIQUE (type, user)
);
