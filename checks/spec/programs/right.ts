// A client as somebody would write it: every use of the types here must compile.

import type {
  ClientFrame,
  CloseCode,
  GuideFrame,
  HistoryEntry,
  Id,
  KeptMessage,
  MessageTypes,
  PostAction,
  ServerFrame,
} from "tidings";

declare const socket: { send(text: string): void };

const send = (frame: ClientFrame): void => socket.send(JSON.stringify(frame));

send({ type: "hello", token: "…", epoch: "a", heads: { "dm:2:7": 41 } });
send({ type: "private", to: 2, content: "hi", data: { colour: "red" }, ref: 1, key: "k" });
send({ type: "group", group_id: "01890a5d-ac96-774b-bcce-b302099a8057", content: "hi", reply_to: 41 });
send({ type: "post_action", post_id: 9, action: "like" });
send({ type: "event", topic: "score:4", name: "goal", data: {} });
send({ type: "watch", users: [2, 3], topics: ["post:9"] });
send({ type: "ping" });

// A function of one's own over any message type.
function sendMessage<T extends keyof MessageTypes>(type: T, fields: MessageTypes[T]): string {
  return JSON.stringify({ type, ...fields });
}
const like: PostAction = { post_id: 9, action: "like" };
sendMessage("post_action", like);

// Frames are told apart by their types.
function hear(frame: ServerFrame): string | number | undefined {
  switch (frame.type) {
    case "welcome":
      return frame.conversations.map((conversation) => text(conversation.last)).length + frame.limits.frame_bytes;
    case "private":
      return frame.deleted_at === undefined ? `${frame.seq}: ${frame.content} to ${frame.to}` : frame.deleted_at;
    case "post_update":
      return frame.subtype === "post_comment" ? (frame.content ?? "") : frame.subtype;
    case "history":
      return frame.messages.map(entry).join();
    case "edited":
    case "deleted":
      return frame.of;
    case "error":
      return frame.code === "limited" ? (frame.retry_after_ms ?? 0) : frame.message;
    case "read":
      return who(frame.user);
    default:
      return undefined;
  }
}

function entry(entry: HistoryEntry): string {
  return entry.type === "skip" ? `${entry.from}-${entry.to}` : `${entry.seq}`;
}

function text(message: KeptMessage | null | undefined): string | undefined {
  return message?.type === "group" && message.deleted_at === undefined ? message.content : undefined;
}

function hearGuide(frame: GuideFrame): Id | undefined {
  return frame.type === "error" ? frame.code : frame.user_id;
}

function who(id: Id): string {
  return typeof id === "number" ? `${id}` : id;
}

function stops(code: CloseCode): boolean {
  return code === 4401 || code === 4403;
}

export { hear, hearGuide, stops };
