#!/usr/bin/env python3
"""A social app's backend as it might have been before Tidings: logins, likes and follows in a SQLite file of its own.

Python's standard library is all that it needs, and any other language would do as well: what it has to do with Tidings are the two
HTTP calls at the end of this file, and the statements in tidings.toml.
"""

import argparse
import hashlib
import json
import os
import pathlib
import secrets
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DATABASE = "app.db"
SESSION_SECONDS = 30 * 24 * 3600
BODY_BYTES = 64 * 1024


class Refused(Exception):
    """What a caller gets in place of an answer."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Every route is a POST with a JSON object. The answer is 204, or a sentence that says what is wrong."""

    def do_POST(self):
        routes = {"/login": login, "/logout": logout, "/like": like, "/follow": follow, "/accept": accept}
        self.cookies = []
        try:
            route = routes.get(self.path)
            if route is None:
                raise Refused(404, "there is no such route")
            body = self.body()
            # A connection for each request; leaving it commits, or rolls back where the route refuses.
            database = sqlite3.connect(DATABASE)
            try:
                with database:
                    news = route(self, database, body)
            finally:
                database.close()
            # Only what is committed is told.
            for path, what, key in news:
                tell(path, what, key)
            self.answer(204)
        except Refused as refused:
            self.answer(refused.status, str(refused))

    def body(self):
        try:
            length = int(self.headers.get("Content-Length", 0))
            if length > BODY_BYTES:
                raise Refused(413, "the body is too large")
            body = json.loads(self.rfile.read(length) or "{}")
        except ValueError:
            raise Refused(400, "the body is no JSON") from None
        if not isinstance(body, dict):
            raise Refused(400, "the body is no JSON object")
        return body

    def cookie(self):
        pairs = self.headers.get("Cookie", "").split("; ")
        return next((pair.removeprefix("session=") for pair in pairs if pair.startswith("session=")), "")

    def answer(self, status, sentence=""):
        body = sentence.encode()
        self.send_response(status)
        for cookie in self.cookies:
            self.send_header("Set-Cookie", cookie)
        if status != 204:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# The routes. Each gets the request, the database and the body, and returns what Tidings is told once all is committed.


def login(request, database, body):
    """A real app asks for a password, and sets `Secure` behind TLS."""
    user = database.execute("SELECT id FROM Users WHERE name = ?", (text(body, "name"),)).fetchone()
    if user is None:
        raise Refused(401, "nobody is called so")
    cookie = secrets.token_urlsafe(32)
    ends = int(time.time()) + SESSION_SECONDS
    database.execute("INSERT INTO Sessions VALUES (?, ?, ?)", (sha256(cookie), user[0], ends))
    request.cookies.append(f"session={cookie}; Path=/; Max-Age={SESSION_SECONDS}; HttpOnly; SameSite=Lax")
    return []


def logout(request, database, _body):
    user = user_of(request, database)
    database.execute("DELETE FROM Sessions WHERE cookie_sha256 = ?", (sha256(request.cookie()),))
    request.cookies.append("session=; Path=/; Max-Age=0")
    return [changed(user, "sessions")]


def like(request, database, body):
    user, post = user_of(request, database), number(body, "post_id")
    if database.execute("SELECT 1 FROM Posts WHERE id = ?", (post,)).fetchone() is None:
        raise Refused(404, "there is no such post")
    new = database.execute("INSERT OR IGNORE INTO Likes VALUES (?, ?)", (post, user)).rowcount
    # The post's owner and the owner's followers hear of it, as far as they are there; who they are Tidings finds in the tables.
    message = {"type": "post_action", "from": user, "post_id": post, "action": "like"}
    return [("/v1/messages", message, f"like-{post}-{user}")] if new else []


def follow(request, database, body):
    """A public account accepts at once."""
    user, followee = user_of(request, database), number(body, "user_id")
    found = database.execute("SELECT private FROM Users WHERE id = ?", (followee,)).fetchone()
    if found is None or followee == user:
        raise Refused(404, "there is no such user to follow")
    accepted = 0 if found[0] else 1
    database.execute("INSERT OR IGNORE INTO Followers VALUES (?, ?, ?)", (user, followee, accepted))
    return [changed(followee, "followers", other=user)] if accepted else []


def accept(request, database, body):
    user, follower = user_of(request, database), number(body, "follower_id")
    sql = "UPDATE Followers SET is_accepted = 1 WHERE followee_id = ? AND follower_id = ?"
    if database.execute(sql, (user, follower)).rowcount == 0:
        raise Refused(404, "they did not ask to follow you")
    return [changed(user, "followers", other=follower)]


def user_of(request, database):
    sql = "SELECT user_id FROM Sessions WHERE cookie_sha256 = ? AND expires_at > ?"
    found = database.execute(sql, (sha256(request.cookie()), int(time.time()))).fetchone()
    if found is None:
        raise Refused(401, "log in first")
    return found[0]


def number(body, name):
    if type(body.get(name)) is not int:
        raise Refused(400, f"`{name}` must be a number")
    return body[name]


def text(body, name):
    if not isinstance(body.get(name), str):
        raise Refused(400, f"`{name}` must be a text")
    return body[name]


def sha256(cookie):
    return hashlib.sha256(cookie.encode("latin-1", "replace")).hexdigest()


# All that the backend has to do with Tidings.


def changed(user, what, other=None):
    """Tidings remembers what it read of the tables for a while. Told of a change, it reads again at once."""
    told = {"user": user, "what": [what]}
    if other is not None:
        told["other"] = other
    return "/v1/changed", told, None


def tell(path, what, key):
    """Posts to Tidings. What was to be stored is stored: that nobody could be told now is no reason to refuse it, so it is logged."""
    headers = {"Authorization": f"Bearer {SERVICE_KEY}", "Content-Type": "application/json"}
    if key:
        # Told twice it is heard once, so a call that may not have arrived can be repeated.
        headers["Idempotency-Key"] = key
    for attempt in range(2):
        call = urllib.request.Request(TIDINGS + path, json.dumps(what).encode(), headers)
        try:
            urllib.request.urlopen(call, timeout=2).close()
            return
        except urllib.error.HTTPError as error:
            problem = f"{error.code} {error.read().decode(errors='replace')}"
            if error.code < 500:
                break
        except OSError as error:
            problem = str(error)
    print(f"Tidings was not told of {json.dumps(what)}: {problem}", file=sys.stderr, flush=True)


def main():
    global SERVICE_KEY, TIDINGS
    parser = argparse.ArgumentParser(description="A backend beside Tidings. SERVICE_KEY is a key of `tidings keys new`.")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--tidings", default="http://127.0.0.1:8000")
    arguments = parser.parse_args()
    SERVICE_KEY, TIDINGS = os.environ.get("SERVICE_KEY", ""), arguments.tidings
    if not SERVICE_KEY:
        parser.error("set SERVICE_KEY to what `tidings keys new --name backend --scope send` prints")
    schema = pathlib.Path(__file__).with_name("schema.sql").read_text()
    database = sqlite3.connect(DATABASE)
    database.executescript(schema)
    database.close()
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
