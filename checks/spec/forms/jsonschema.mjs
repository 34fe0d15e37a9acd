// The bundle of schemas: by ajv, which knows draft 2020-12.

import { Ajv2020 } from "ajv/dist/2020.js";

import { found, prepare } from "./ajv.mjs";

export function jsonschema(bundle) {
  const ajv = prepare(new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true }));
  if (!ajv.validateSchema(bundle)) {
    return { checked: "no JSON Schema of draft 2020-12", wrong: found("the bundle", ajv.errors) };
  }
  ajv.addSchema(bundle);
  const schemas = Object.entries(bundle.$defs);
  const wrong = schemas.flatMap(([name, schema]) => compiles(ajv, name, schema));
  if (wrong.length > 0) {
    return { checked: `${schemas.length} schemas`, wrong };
  }
  const types = schemas.filter(([name]) => name.startsWith("message."));
  wrong.push(...types.flatMap(([name, schema]) => examples(ajv, name, schema)));
  for (const frame of ["client", "server", "guide"].map((side) => ajv.getSchema(`urn:tidings:frame:${side}`))) {
    if (frame({ type: "of no type at all" })) {
      wrong.push(`${frame.schema.$id}: takes anything`);
    }
  }
  return { checked: `${schemas.length} schemas, ${types.length} message types`, wrong };
}

function compiles(ajv, name, schema) {
  try {
    return ajv.getSchema(schema.$id) === undefined ? [`${name}: not found by its $id`] : [];
  } catch (error) {
    return [`${name}: ${error.message}`];
  }
}

/** Each type's example fits, as fields and as a frame, and does not where a field is gone that must be there. */
function examples(ajv, name, schema) {
  const [fields, frame] = [ajv.getSchema(schema.$id), ajv.getSchema("urn:tidings:frame:client")];
  const given = schema.examples ?? [];
  const wrong = given.length === 0 ? [`${name}: has no example`] : [];
  for (const example of given) {
    wrong.push(...(fields(example) ? [] : found(`${name}: its example`, fields.errors)));
    wrong.push(...(frame(example) ? [] : found(`${name}: its example as a frame`, frame.errors)));
    for (const field of schema.required ?? []) {
      const { [field]: _, ...rest } = example;
      if (fields(rest) || frame(rest)) {
        wrong.push(`${name}: is taken without \`${field}\``);
      }
    }
  }
  return wrong;
}
