// Whether documents that `tidings spec` printed are what they say they are: `node check.mjs FORM FILE …`, where FORM is asyncapi,
// jsonschema, openapi or typescript. Prints a line of JSON for each file, what was checked and what is wrong, and ends with 1 where
// anything is wrong.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { argv, exit } from "node:process";

import { asyncapi } from "./forms/asyncapi.mjs";
import { jsonschema } from "./forms/jsonschema.mjs";
import { openapi } from "./forms/openapi.mjs";
import { typescript } from "./forms/typescript.mjs";

const json = (check) => async (file) => check(JSON.parse(await readFile(file, "utf8")));
const forms = { asyncapi: json(asyncapi), jsonschema: json(jsonschema), openapi: json(openapi), typescript };

const [form, ...files] = argv.slice(2);
if (!Object.hasOwn(forms, form) || files.length === 0) {
  console.error(`usage: node check.mjs ${Object.keys(forms).join("|")} FILE …`);
  exit(2);
}
let good = true;
for (const file of files) {
  const { checked, wrong } = await forms[form](resolve(file));
  console.log(JSON.stringify({ checked, wrong }));
  good &&= wrong.length === 0;
}
exit(good ? 0 : 1);
