// The WebSocket: by the AsyncAPI Initiative's own schema, and by what the specification says beside it and a schema can't.

import { createRequire } from "node:module";

import { Ajv } from "ajv";

import { found, prepare } from "./ajv.mjs";

const ASYNCAPI = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0-without-$id.json");

const fits = prepare(new Ajv({ strict: false, allErrors: true })).compile(ASYNCAPI);

export function asyncapi(document) {
  const wrong = fits(document) ? [] : found("", fits.errors);
  const lost = references(document).filter((path) => follow(document, path) === undefined);
  wrong.push(...lost.map((path) => `${path}: leads nowhere`));
  if (wrong.length === 0) {
    wrong.push(...unlisted(document), ...payloads(document));
  }
  const [operations, messages] = [document.operations, document.components?.messages].map((all) => Object.keys(all ?? {}));
  return { checked: `AsyncAPI ${document.asyncapi}, ${operations.length} operations, ${messages.length} messages`, wrong };
}

/** All references in it. */
function references(value) {
  if (value === null || typeof value !== "object") {
    return [];
  }
  const own = typeof value.$ref === "string" ? [value.$ref] : [];
  return own.concat(Object.values(value).flatMap(references));
}

/** What a reference leads to: a JSON Pointer (RFC 6901) in this document. */
function follow(document, path) {
  const steps = path.startsWith("#/") ? path.slice(2).split("/") : ["", "outside of the document"];
  const names = steps.map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce((value, name) => value?.[name], document);
}

/** "The message objects MUST be a subset of those of the channel": so each is named by its place there. */
function unlisted(document) {
  const parts = Object.entries(document.operations).flatMap(([name, operation]) =>
    [operation, operation.reply].filter(Boolean).map((part) => [name, part]),
  );
  return parts.flatMap(([name, { channel, messages }]) =>
    messages
      .filter((message) => !message.$ref.startsWith(`${channel.$ref}/messages/`))
      .map((message) => `operation ${name}: ${message.$ref} is not of its channel`),
  );
}

/** Each message's payload is a schema of draft 7 that takes the message's examples, and nothing of another type. */
function payloads(document) {
  const ajv = prepare(new Ajv({ strict: true, strictRequired: false, strictTypes: false, allErrors: true }));
  ajv.addVocabulary(["components"]);
  ajv.addSchema({ $id: "https://tidings.invalid/document", components: document.components }, undefined, undefined, false);
  return Object.entries(document.components.messages).flatMap(([name, message]) => {
    try {
      const fits = ajv.compile({ $ref: `https://tidings.invalid/document#/components/messages/${name}/payload` });
      const examples = (message.examples ?? []).flatMap(({ payload }) =>
        fits(payload) ? [] : found(`message ${name}: its example`, fits.errors),
      );
      return fits({ type: "of no type at all" }) ? [...examples, `message ${name}: takes anything`] : examples;
    } catch (error) {
      return [`message ${name}: ${error.message}`];
    }
  });
}
