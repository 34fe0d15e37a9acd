// Whether a document that `tidings spec` printed is what it says it is: `node check.mjs FORM FILE`, where FORM is asyncapi,
// jsonschema, openapi or typescript. Says what is wrong, a line each, and ends with 1 then.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { argv, exit } from "node:process";

import { asyncapi } from "./forms/asyncapi.mjs";
import { jsonschema } from "./forms/jsonschema.mjs";
import { openapi } from "./forms/openapi.mjs";
import { typescript } from "./forms/typescript.mjs";

const json = (check) => async (file) => check(JSON.parse(await readFile(file, "utf8")));
const forms = { asyncapi: json(asyncapi), jsonschema: json(jsonschema), openapi: json(openapi), typescript };

const [form, file] = argv.slice(2);
if (!Object.hasOwn(forms, form) || file === undefined) {
  console.error(`usage: node check.mjs ${Object.keys(forms).join("|")} FILE`);
  exit(2);
}
const { checked, wrong } = await forms[form](resolve(file));
wrong.forEach((line) => console.log(line));
console.log(`${form}: ${checked}; ${wrong.length} wrong`);
exit(wrong.length === 0 ? 0 : 1);
