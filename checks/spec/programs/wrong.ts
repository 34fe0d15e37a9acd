// Misuses of the types: each line that ends so must not compile, and nothing else here may fail.

import type { ClientFrame, CloseCode, HistoryEntry, MessageTypes, PostAction, ServerFrame } from "tidings";

const absent: ClientFrame = { type: "private", to: 2 }; // refused
const unknown: ClientFrame = { type: "privat", to: 2, content: "hi" }; // refused
const kind: ClientFrame = { type: "private", to: true, content: "hi" }; // refused
const more: ClientFrame = { type: "ping", loudly: true }; // refused
const value: PostAction = { post_id: 9, action: "admire" }; // refused
const code: CloseCode = 4400; // refused
const named: keyof MessageTypes = "welcome"; // refused
const sent: ClientFrame = { type: "welcome", user: 2 }; // refused

function hear(frame: ServerFrame, entry: HistoryEntry): void {
  if (frame.type === "ack") frame.content; // refused
  if (frame.type === "private") frame.content; // refused
  if (frame.type === "broadcast") frame.seq; // refused
  if (frame.type === "hello") return; // refused
  if (entry.type === "typing") return; // refused
}

export { absent, code, hear, kind, more, named, sent, unknown, value };
