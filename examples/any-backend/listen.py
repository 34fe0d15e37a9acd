#!/usr/bin/env python3
"""Logs in at the backend by a name, opens the WebSocket with the cookie, and prints what is heard: `python3 listen.py Ann`.

In a browser these are two lines (see README.md); here they are an HTTP client and what it takes to read frames (RFC 6455).
"""

import argparse
import base64
import http.client
import json
import os
import socket
import sys


def log_in(name, backend):
    connection = http.client.HTTPConnection(backend, timeout=5)
    connection.request("POST", "/login", json.dumps({"name": name}))
    answer = connection.getresponse()
    if answer.status != 204:
        sys.exit(f"{answer.status} {answer.read().decode()}")
    return answer.headers["Set-Cookie"].split(";")[0]


def connect(cookie, tidings):
    host, port = tidings.split(":")
    stream = socket.create_connection((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    stream.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {tidings}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {cookie}\r\n\r\n".encode()
    )
    reader = stream.makefile("rb")
    status = reader.readline().decode().strip()
    while reader.readline().strip():
        pass
    if " 101 " not in status + " ":
        sys.exit(status)
    return stream, reader


def frames(stream, reader):
    while len(head := reader.read(2)) == 2:
        length = head[1] & 127
        if length > 125:
            length = int.from_bytes(reader.read(2 if length == 126 else 8), "big")
        kind, payload = head[0] & 15, reader.read(length)
        if kind == 9:
            # A pong, with a mask of zeros: who does not answer a ping is taken to be gone.
            stream.sendall(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
        elif kind == 8:
            return
        elif kind == 1:
            yield payload.decode()


def main():
    parser = argparse.ArgumentParser(description="Prints what somebody hears.")
    parser.add_argument("name")
    parser.add_argument("--backend", default="127.0.0.1:3000")
    parser.add_argument("--tidings", default="127.0.0.1:8000")
    arguments = parser.parse_args()
    stream, reader = connect(log_in(arguments.name, arguments.backend), arguments.tidings)
    print(f"{arguments.name} listens", flush=True)
    for frame in frames(stream, reader):
        print(f"{arguments.name} hears {frame}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
