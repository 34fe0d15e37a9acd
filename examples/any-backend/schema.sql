-- The app's own tables, as the guide has them, and some people to try it with. Tidings only reads them.
PRAGMA journal_mode = WAL;

CREATE TABLE IF NOT EXISTS Users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, private INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS Sessions (
    cookie_sha256 TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES Users (id),
    expires_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS Posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES Users (id), content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS Followers (
    follower_id INTEGER NOT NULL REFERENCES Users (id),
    followee_id INTEGER NOT NULL REFERENCES Users (id),
    is_accepted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (followee_id, follower_id)
);
CREATE TABLE IF NOT EXISTS Likes (
    post_id INTEGER NOT NULL REFERENCES Posts (id),
    user_id INTEGER NOT NULL REFERENCES Users (id),
    PRIMARY KEY (post_id, user_id)
);

-- Ann's account is private: Bob and Cleo follow her, Dan waits to be accepted. Eve's is public, and nobody follows her yet.
INSERT OR IGNORE INTO Users VALUES (1, 'Ann', 1), (2, 'Bob', 0), (3, 'Cleo', 0), (4, 'Dan', 0), (5, 'Eve', 0);
INSERT OR IGNORE INTO Posts VALUES (123, 1, 'Hello'), (124, 1, 'Again'), (125, 5, 'Good morning'), (126, 5, 'Good night');
INSERT OR IGNORE INTO Followers VALUES (2, 1, 1), (3, 1, 1), (4, 1, 0);
