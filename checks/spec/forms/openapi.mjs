// The HTTP API: by swagger-parser, which knows the OpenAPI Initiative's own schemas and follows each reference.

import SwaggerParser from "@apidevtools/swagger-parser";

export async function openapi(document) {
  const operations = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path));
  const checked = `OpenAPI ${document.openapi}, ${operations.length} operations`;
  const wrong = duplicates(operations.map((operation) => operation.operationId)).map(
    (id) => `operationId \`${id}\` is given twice`,
  );
  try {
    await SwaggerParser.validate(document);
  } catch (error) {
    const details = (error.details ?? []).map((detail) => `${detail.instancePath}: ${detail.message}`);
    wrong.push(...(details.length > 0 ? details : [error.message]));
  }
  return { checked, wrong };
}

function duplicates(ids) {
  return ids.filter((id, index) => id !== undefined && ids.indexOf(id) !== index);
}
