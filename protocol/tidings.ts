// Made by `tidings spec typescript` from the message types that the program has: change those.

/**
 * An id of a user, group or post: an integer from 0 to 2^63 - 1 (above 2^53 - 1 as a string of digits) or a UUID.
 */
export type Id = number | string;

/**
 * A message to every connection, the sender's too; not kept. Services send it; users only where the configuration says
 * `[types.broadcast] senders = "users"`, or with `--dev`.
 */
export interface Broadcast {
  /** The text, bounded by the frame. */
  content: string;
  /** Free JSON of the app, at most 8 KiB. */
  data?: { [key: string]: unknown } | null;
}

/** For backends that just want to push: a name and free JSON to the watchers of a topic; not kept. */
export interface EventFields {
  /** Free JSON of the app, at most 8 KiB. */
  data?: { [key: string]: unknown };
  /** What happened; the app's own word. */
  name: string;
  /** Whose watchers hear it. */
  topic: string;
}

/**
 * A message to the members of a group, heard on every connection but the sending one; kept for ever in `group:<id>`. From a
 * user who is no member it is refused with `not_a_member`, whether the group exists or not.
 */
export interface Group {
  /** The text, bounded by the frame. */
  content: string;
  /** Free JSON of the app, at most 8 KiB. */
  data?: { [key: string]: unknown } | null;
  /** To which group. */
  group_id: Id;
  /** The seq of the message in this conversation that it answers. */
  reply_to?: number | null;
}

/**
 * What a user does with a post. It reaches the post's owner and the owner's online accepted followers; the actor gets the
 * acknowledgement only. Liking twice changes nothing and tells nobody.
 */
export interface PostAction {
  /** What is done. */
  action: "like" | "comment" | "share";
  /** The comment, or what is said with a share: at most 2,000 characters. Of a like it is left out. */
  content?: string | null;
  /** Which post. */
  post_id: Id;
}

/** Absolute values for those who watch the post: the newest is all that counts, so several changes within 250 ms are told by one. */
export interface PostCounters {
  /** Comments. */
  comments: number;
  /** Likes. */
  likes: number;
  /** The post. */
  post_id: Id;
  /** Shares. */
  shares: number;
  /** `post:` and the post's id. */
  topic: string;
}

/**
 * What was done with a post, for its owner, the owner's online accepted followers and, of a comment, those who watch the post.
 * Sent by a service it reaches those who watch the post, unless the call names another audience.
 */
export interface PostUpdate {
  /** The comment's id, where it is stored. */
  comment_id?: string | null;
  /** Who commented on it. */
  commenter_id?: Id | null;
  /** The comment, or what was said with the share. */
  content?: string | null;
  /** Who liked it. */
  liker_id?: Id | null;
  /** With which post. */
  post_id: Id;
  /** Who shared it. */
  sharer_id?: Id | null;
  /** What was done. */
  subtype: "post_like" | "post_comment" | "post_share";
}

/**
 * A message to one user, heard on their every connection and on the sender's other ones; kept for ever in `dm:<a>:<b>`. To
 * oneself it is a note for one's other devices.
 */
export interface Private {
  /** The text, bounded by the frame. */
  content: string;
  /** Free JSON of the app, at most 8 KiB. */
  data?: { [key: string]: unknown } | null;
  /** The seq of the message in this conversation that it answers. */
  reply_to?: number | null;
  /** For whom. */
  to: Id;
}

/** The fields of each message type, by its name. */
export interface MessageTypes {
  broadcast: Broadcast;
  event: EventFields;
  group: Group;
  post_action: PostAction;
  post_counters: PostCounters;
  post_update: PostUpdate;
  private: Private;
}

/** Those of them that are kept unless the configuration says otherwise. */
export interface KeptTypes {
  group: Group;
  private: Private;
}

/** Those of them that are not kept. */
export interface UnkeptTypes {
  broadcast: Broadcast;
  event: EventFields;
  post_action: PostAction;
  post_counters: PostCounters;
  post_update: PostUpdate;
}

/** What a client may send with a message of any registered type. */
export interface Sent {
  /** Makes a kept send idempotent: the sender's own name for it, at most 64 bytes. */
  key?: string | null;
  /** Comes back in the answer; a message that is not kept is acknowledged only if it has one. */
  ref?: number | null;
}

/** A kept message of any type in the guide's dialect, beside its type's fields. */
export interface GuideKept {
  /** The stream. */
  conversation: string;
  /** Who sent it; absent where a service pushes for nobody. */
  from?: Id;
  /** The message's id. */
  id: string;
  /** Its place there. */
  seq: number;
  /** Unix seconds. */
  timestamp: number;
  /** The same as `from`. */
  user_id?: Id;
}

/** A message of any type that is not kept, in the guide's dialect, beside its type's fields. */
export interface GuideUnkept {
  /** Who sent it; absent where a service pushes for nobody. */
  from?: Id;
  /** The message's id. */
  id: string;
  /** Unix seconds. */
  timestamp: number;
  /** The same as `from`. */
  user_id?: Id;
}

/** A kept message of any type in `tidings.v1`, beside its type's fields: live, sent again by a resume, or in a page of history. */
export interface V1Kept {
  /** The stream. */
  conversation: string;
  /** When it was deleted, Unix seconds: in resumes, pages and lists. Then the type's own fields are absent. */
  deleted_at?: number;
  /** When its body was changed last, Unix seconds: in resumes, pages and lists, which show the current body. */
  edited_at?: number;
  /** Who sent it; absent where a service pushes for nobody. */
  from?: Id;
  /** The message's id. */
  id: string;
  /** The sender's key: to the sender's own connections only. */
  key?: string;
  /** Sent again by a resume. */
  replayed?: true;
  /** Its place there. */
  seq: number;
  /** Unix seconds. */
  timestamp: number;
}

/** A message of any type that is not kept, in `tidings.v1`, beside its type's fields. */
export interface V1Unkept {
  /** Who sent it; absent where a service pushes for nobody. */
  from?: Id;
  /** The message's id. */
  id: string;
  /** Unix seconds. */
  timestamp: number;
  /** The same as `from`, in messages to everyone: these go out as in the guide's dialect. */
  user_id?: Id;
}

/** A message of any registered type, as a client may send it. */
export type ClientMessage = { [T in keyof MessageTypes]: { type: T } & MessageTypes[T] & Sent }[keyof MessageTypes];

/** A message as it goes out in the guide's dialect. */
export type GuideMessage =
  | { [T in keyof KeptTypes]: { type: T } & KeptTypes[T] & GuideKept }[keyof KeptTypes]
  | { [T in keyof UnkeptTypes]: { type: T } & UnkeptTypes[T] & GuideUnkept }[keyof UnkeptTypes];

/**
 * A kept message as it goes out in `tidings.v1`. One that was deleted has no fields of its own, in what is sent again and in pages:
 * `deleted_at === undefined` tells that they are there.
 */
export type KeptMessage =
  | { [T in keyof KeptTypes]: { type: T } & KeptTypes[T] & V1Kept & { deleted_at?: undefined } }[keyof KeptTypes]
  | { [T in keyof KeptTypes]: { type: T } & V1Kept & { deleted_at: number } }[keyof KeptTypes];

/** A message as it goes out in `tidings.v1`. */
export type ServerMessage =
  | KeptMessage
  | { [T in keyof UnkeptTypes]: { type: T } & UnkeptTypes[T] & V1Unkept }[keyof UnkeptTypes];

/** What stands in a page of history: one entry a seq, or one for several that are withheld. */
export type HistoryEntry = KeptMessage | ServerEdited | ServerDeleted | ServerSkip;

/** `hello`: the first frame. */
export interface ClientHello {
  /** The epoch of `heads`: required with them. */
  epoch?: string | null;
  /** The last seq held of each stream that is to be resumed: conversations and `inbox`, at most 500. */
  heads?: { [key: string]: number };
  /** Comes back in `welcome` and `resumed`. */
  ref?: number | null;
  /** Who it is, where the upgrade's credentials did not say. */
  token?: string | null;
  type: "hello";
}

/** `edit`: another body for a message of one's own. */
export interface ClientEdit {
  /** The type's fields, all of them. */
  body: { [key: string]: unknown };
  /** The stream. */
  conversation: string;
  /** Comes back in the answer. */
  ref?: number | null;
  /** The message's place in it. */
  seq: number;
  type: "edit";
}

/** `delete`: a message of one's own. */
export interface ClientDelete {
  /** The stream. */
  conversation: string;
  /** Comes back in the answer. */
  ref?: number | null;
  /** The message's place in it. */
  seq: number;
  type: "delete";
}

/** `history`: a page of a stream. */
export interface ClientHistory {
  /** Above this seq. */
  after?: number | null;
  /** Below this seq. */
  before?: number | null;
  /** The stream. */
  conversation: string;
  /** 1 to 100; 50 if absent. */
  limit?: number | null;
  /** Comes back in the answer. */
  ref?: number | null;
  type: "history";
}

/** `read`: read up to there. */
export interface ClientRead {
  /** The stream. */
  conversation: string;
  /** Comes back in an error. */
  ref?: number | null;
  /** Only forward; above the head counts as the head. */
  seq: number;
  type: "read";
}

/** `typing`: to a user or to a group. */
export interface ClientTyping {
  /** The group that is written to. */
  group_id?: Id | null;
  /** Comes back in an error. */
  ref?: number | null;
  /** The user who is written to. */
  to?: Id | null;
  type: "typing";
}

/** `watch` and `unwatch`: presence of users, live messages of topics. */
export interface ClientWatch {
  /** Comes back in the answer. */
  ref?: number | null;
  /** Which topics. */
  topics?: Array<string>;
  type: "watch";
  /** Whose presence. */
  users?: Array<Id>;
}

/** `watch` and `unwatch`: presence of users, live messages of topics. */
export interface ClientUnwatch {
  /** Comes back in the answer. */
  ref?: number | null;
  /** Which topics. */
  topics?: Array<string>;
  type: "unwatch";
  /** Whose presence. */
  users?: Array<Id>;
}

/** `attention`: whether a person looks at this connection. */
export interface ClientAttention {
  /** Whether it is looked at. */
  active: boolean;
  /** Comes back in the answer. */
  ref?: number | null;
  type: "attention";
}

/** `inbox`: a page of the inbox. */
export interface ClientInbox {
  /** Rows whose last change is below this seq. */
  before?: number | null;
  /** `unread`, `archived` or `requests`; absent: all that are not archived. */
  filter?: string | null;
  /** 1 to 100; 50 if absent. */
  limit?: number | null;
  /** Comes back in the answer. */
  ref?: number | null;
  type: "inbox";
}

/** `inbox_mark`: rows seen, read or archived. */
export interface ClientInboxMark {
  /** These rows, at most 100. */
  ids?: Array<string> | null;
  /** Comes back in the answer. */
  ref?: number | null;
  /** `seen`, `read` or `archived`: how far they have got. */
  state: string;
  type: "inbox_mark";
  /** All rows whose last change is at most this seq. Either this or `ids`. */
  up_to?: number | null;
}

/** `token`: renews the credentials of an open connection. */
export interface ClientToken {
  /** Comes back in the answer. */
  ref?: number | null;
  /** The new token, of the same user. */
  token: string;
  type: "token";
}

/** `ping`, answered by `pong`: for clients that can't send WebSocket pings. */
export interface ClientPing {
  /** Comes back in the answer. */
  ref?: number | null;
  type: "ping";
}

/** A conversation as it stands in a list. */
export interface ServerWelcomeConversationInList {
  /** Which. */
  conversation: string;
  /** The highest seq that the reader can see. */
  head: number;
  /** The last message, its content cut at 200 characters. */
  last?: KeptMessage | null;
  /** Until when the reader has muted it, Unix seconds, which may be over. */
  muted_until?: number | null;
  /** How far it was read. */
  read: number;
  /** When the last message or event came, Unix seconds; 0 where none came yet. */
  touched_at: number;
  /** Messages above `read`: not one's own, not deleted, no events, no skips. */
  unread: number;
}

/** Where the inbox stands. */
export interface ServerWelcomeInboxHead {
  /** The last change. */
  head: number;
  /** Rows that were not read. */
  unread: number;
  /** Rows that were not seen. */
  unseen: number;
}

/** What a client must keep to. */
export interface ServerWelcomeLimits {
  /** Bytes of a frame that the client sends. */
  frame_bytes: number;
}

/** `welcome`: answers `hello`. */
export interface ServerWelcome {
  /** The connection's name while the server runs. */
  connection: string;
  /** The 100 conversations touched last, as many of them as fit into 96 KiB. */
  conversations: Array<ServerWelcomeConversationInList>;
  /** Names this history of the store: seqs of another one mean nothing here. */
  epoch: string;
  /** When the credentials end; absent where they don't. */
  expires_in_ms?: number | null;
  /** Where the inbox stands. */
  inbox: ServerWelcomeInboxHead;
  /** What a client must keep to. */
  limits: ServerWelcomeLimits;
  /** After so many seconds of hearing nothing the client pings. */
  ping: number;
  /** Of the `hello`. */
  ref?: number | null;
  type: "welcome";
  /** Who it is. */
  user: Id;
}

/** A stream of which more was missed than fitted. */
export interface ServerResumedBehind {
  /** Which. */
  conversation: string;
  /** The highest seq to fetch up to; live frames go on above it. */
  head: number;
}

/** An inbox in which more changed than a resume replays. */
export interface ServerResumedInboxBehind {
  /** The last change that was not sent; live frames go on above it. */
  head: number;
}

/** `resumed`: what was missed has been sent, but for `behind`. */
export interface ServerResumed {
  /** Streams of which more was missed than fitted: to be fetched by `history`. */
  behind: Array<ServerResumedBehind>;
  /**
   * More changed in the inbox than fitted: what the client holds of it is to be replaced by its pages, fetched by `inbox`. They
   * show no row that is gone.
   */
  inbox?: ServerResumedInboxBehind | null;
  /** Of the `hello`. */
  ref?: number | null;
  type: "resumed";
}

/** `ack`: the message was taken; a kept one is on disk. */
export interface ServerAck {
  /** The stream of a kept one. */
  conversation?: string | null;
  /** The key was known: these are the first one's id and seq. */
  duplicate?: boolean;
  /** Its id; absent where what was asked for has none. */
  id?: string | null;
  /** Of the message. */
  ref?: number | null;
  /** Its place there. */
  seq?: number | null;
  /** Unix seconds. */
  timestamp: number;
  type: "ack";
}

/** Why something was refused. The text never changes once released. */
export type ServerErrorCode = "bad_json" | "bad_field" | "unknown_type" | "not_allowed" | "not_found" | "not_a_member" | "limited" | "too_large" | "key_reused" | "unavailable" | "not_enabled" | "unauthorized";

/** `error`: what was asked for is refused; the connection stays. */
export interface ServerError {
  /** For programs. */
  code: ServerErrorCode;
  /** The path of the wrong field. */
  field?: string | null;
  /** For people: says what to change. */
  message: string;
  /** Of what was refused. */
  ref?: number | null;
  /** When to try again. */
  retry_after_ms?: number | null;
  type: "error";
}

/** `skip`: nothing to show from the first to the last of these seqs. */
export interface ServerSkip {
  /** The stream. */
  conversation: string;
  /** The first. */
  from: number;
  /** The last. */
  to: number;
  type: "skip";
}

/** `edited` and `deleted`: what befell a message, with a seq of its own. */
export interface ServerEdited {
  /** The new body, of `edited`. */
  body?: { [key: string]: unknown } | null;
  /** The stream. */
  conversation: string;
  /** Who did it; absent where a service did. */
  from?: Id | null;
  /** The event's id. */
  id: string;
  /** The message's place. */
  of: number;
  /** Sent again by a resume. */
  replayed?: boolean;
  /** The event's own place. */
  seq: number;
  /** Unix seconds. */
  timestamp: number;
  type: "edited";
}

/** `edited` and `deleted`: what befell a message, with a seq of its own. */
export interface ServerDeleted {
  /** The new body, of `edited`. */
  body?: { [key: string]: unknown } | null;
  /** The stream. */
  conversation: string;
  /** Who did it; absent where a service did. */
  from?: Id | null;
  /** The event's id. */
  id: string;
  /** The message's place. */
  of: number;
  /** Sent again by a resume. */
  replayed?: boolean;
  /** The event's own place. */
  seq: number;
  /** Unix seconds. */
  timestamp: number;
  type: "deleted";
}

/** `history`: a page. */
export interface ServerHistory {
  /** The stream. */
  conversation: string;
  /** The highest. */
  head: number;
  /** Messages, events and skips, ascending. */
  messages: Array<HistoryEntry>;
  /** Whether there is more in the direction of the page. */
  more: boolean;
  /** The lowest seq of this reader's. */
  oldest: number;
  /** Of the request. */
  ref?: number | null;
  type: "history";
}

/** Why a stream begins anew. */
export type ServerResetResetReason = "epoch" | "pruned";

/** `reset`: the stream does not go on where the client stands. */
export interface ServerReset {
  /** The stream: a conversation, or `inbox`. */
  conversation: string;
  /** The highest. */
  head: number;
  /** The lowest seq there is. */
  oldest: number;
  /** Why. */
  reason: ServerResetResetReason;
  type: "reset";
}

/** `joined`: the user is a member from now on. */
export interface ServerJoined {
  /** Of which group. */
  conversation: string;
  /** The user's stream begins above this. */
  head: number;
  type: "joined";
}

/** `left`: the user is no member any more. */
export interface ServerLeft {
  /** Of which group. */
  conversation: string;
  /** The user's stream ends here. */
  head: number;
  type: "left";
}

/** `read`: how far a user has read. */
export interface ServerRead {
  /** The stream. */
  conversation: string;
  /** Up to here. */
  seq: number;
  type: "read";
  /** What is left, of one's own. */
  unread?: number | null;
  /** Who. */
  user: Id;
}

/** `typing`: lapses after 5 s. */
export interface ServerTyping {
  /** Where. */
  conversation: string;
  type: "typing";
  /** Who. */
  user: Id;
}

/** `presence`: of a user who is watched. */
export interface ServerPresence {
  /** When the last connection went, Unix seconds; absent while online, and where it is not known. */
  last_seen?: number | null;
  /** Whether they have a connection; offline is told 10 s after the last one went. */
  online: boolean;
  type: "presence";
  /** Who. */
  user: Id;
}

/** How far a row of the inbox has got. Each includes those before it. */
export type ServerNotificationRowState = "unseen" | "seen" | "read" | "archived";

/**
 * `notification`: a row of the inbox as it stands after its last change.
 *
 * The inbox is a state stream: whoever holds the row replaces it, unless the one they hold has a higher `seq`.
 */
export interface ServerNotification {
  /** Who did it last; absent where nobody in particular did. */
  actor?: Id | null;
  /** The last ten who did it, the latest first. */
  actors?: Array<Id>;
  /** How many different users did it. */
  count: number;
  /** What the app says of it. */
  data?: { [key: string]: unknown };
  /** How often it was done. */
  events: number;
  /** What was joined into this row; absent where nothing can be. */
  group?: string | null;
  /** The row. */
  id: string;
  /** The sentence, in the reader's language. */
  message: string;
  /** The row is gone: everything in it was taken back, or its time was over. */
  removed?: boolean;
  /** Sent again by a resume. */
  replayed?: boolean;
  /** It waits among the requests, because of who caused it: it is not counted, and stands in pages of requests alone. */
  request?: boolean;
  /** The row's last change in the inbox's count of changes. */
  seq: number;
  /** How far it has got. */
  state: ServerNotificationRowState;
  /** What kind of notification. */
  subtype: string;
  /** When it was done last, Unix seconds. */
  timestamp: number;
  type: "notification";
  /** Rows of the inbox that were not read; absent in pages, which say it once. */
  unread?: number | null;
  /** Rows of the inbox that were not seen; absent in pages, which say it once. */
  unseen?: number | null;
}

/** How far a row of the inbox has got. Each includes those before it. */
export type ServerInboxStateRowState = "unseen" | "seen" | "read" | "archived";

/** `inbox_state`: all rows whose last change is at most `up_to` have got so far. */
export interface ServerInboxState {
  /** Sent again by a resume. */
  replayed?: boolean;
  /** Its own place in the inbox's count of changes. */
  seq: number;
  /** How far. */
  state: ServerInboxStateRowState;
  type: "inbox_state";
  /** Rows that were not read. */
  unread: number;
  /** Rows that were not seen. */
  unseen: number;
  /** Up to here. */
  up_to: number;
}

/**
 * `notification`: a row of the inbox as it stands after its last change.
 *
 * The inbox is a state stream: whoever holds the row replaces it, unless the one they hold has a higher `seq`.
 */
export interface ServerInboxNotification {
  /** Who did it last; absent where nobody in particular did. */
  actor?: Id | null;
  /** The last ten who did it, the latest first. */
  actors?: Array<Id>;
  /** How many different users did it. */
  count: number;
  /** What the app says of it. */
  data?: { [key: string]: unknown };
  /** How often it was done. */
  events: number;
  /** What was joined into this row; absent where nothing can be. */
  group?: string | null;
  /** The row. */
  id: string;
  /** The sentence, in the reader's language. */
  message: string;
  /** The row is gone: everything in it was taken back, or its time was over. */
  removed?: boolean;
  /** Sent again by a resume. */
  replayed?: boolean;
  /** It waits among the requests, because of who caused it: it is not counted, and stands in pages of requests alone. */
  request?: boolean;
  /** The row's last change in the inbox's count of changes. */
  seq: number;
  /** How far it has got. */
  state: ServerInboxRowState;
  /** What kind of notification. */
  subtype: string;
  /** When it was done last, Unix seconds. */
  timestamp: number;
  /** Rows of the inbox that were not read; absent in pages, which say it once. */
  unread?: number | null;
  /** Rows of the inbox that were not seen; absent in pages, which say it once. */
  unseen?: number | null;
}

/** How far a row of the inbox has got. Each includes those before it. */
export type ServerInboxRowState = "unseen" | "seen" | "read" | "archived";

/** `inbox`: a page, the latest change first. */
export interface ServerInbox {
  /** Whether there are more, below the last one's `seq`. */
  more: boolean;
  /** The rows. */
  notifications: Array<ServerInboxNotification>;
  /** Of the request. */
  ref?: number | null;
  type: "inbox";
  /** Rows of the inbox that were not read. */
  unread: number;
  /** Rows of the inbox that were not seen. */
  unseen: number;
}

/** `drain`: the server is about to stop, and closes with 1012. */
export interface ServerDrain {
  /** When to come back. */
  retry_after_ms: number;
  type: "drain";
}

/** `pong`: answers `ping`. */
export interface ServerPong {
  /** Of the `ping`. */
  ref?: number | null;
  type: "pong";
}

/** What a client of `tidings.v1` may send. */
export type ClientFrame =
  | ClientHello
  | ClientEdit
  | ClientDelete
  | ClientHistory
  | ClientRead
  | ClientTyping
  | ClientWatch
  | ClientUnwatch
  | ClientAttention
  | ClientInbox
  | ClientInboxMark
  | ClientToken
  | ClientPing
  | ClientMessage;

/** What the server sends in `tidings.v1`. A client passes over types and fields that it does not know. */
export type ServerFrame =
  | ServerWelcome
  | ServerResumed
  | ServerAck
  | ServerError
  | ServerSkip
  | ServerEdited
  | ServerDeleted
  | ServerHistory
  | ServerReset
  | ServerJoined
  | ServerLeft
  | ServerRead
  | ServerTyping
  | ServerPresence
  | ServerNotification
  | ServerInboxState
  | ServerInbox
  | ServerDrain
  | ServerPong
  | ServerMessage;

/** What the server sends in the guide's dialect. */
export type GuideFrame = GuideMessage | ServerError;

/** Why the server closes a connection. */
export type CloseCode = 1000 | 1001 | 1002 | 1003 | 1007 | 1009 | 1012 | 4401 | 4402 | 4403 | 4408 | 4409 | 4429;
