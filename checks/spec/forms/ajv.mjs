// What all that read JSON Schema share.

import addFormats from "ajv-formats";

/** Whole numbers as Rust has them: the forms that the schemas name and ajv does not know. */
const INTEGERS = { int8: 8, int16: 16, uint8: 8, uint16: 16, uint32: 32, uint64: 64 };

/** Teaches the validator the forms and the keyword that Tidings' schemas have beside the standard's. */
export function prepare(ajv) {
  addFormats.default(ajv);
  for (const [name, bits] of Object.entries(INTEGERS)) {
    const [least, below] = name.startsWith("u") ? [0, 2 ** bits] : [-(2 ** (bits - 1)), 2 ** (bits - 1)];
    const validate = (value) => Number.isInteger(value) && value >= least && value < below;
    ajv.addFormat(name, { type: "number", validate });
  }
  ajv.addKeyword({ keyword: "x-version", schemaType: "number" });
  return ajv;
}

/** What the validator found, a line each. */
export function found(where, errors) {
  return (errors ?? []).map((error) => `${where}${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`);
}
