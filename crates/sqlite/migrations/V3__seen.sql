-- When users were last there, as others may see it; who has no row was never there.
CREATE TABLE seen (
    user UNIQUE NOT NULL,
    at INTEGER NOT NULL            -- Unix seconds
);
