// The types of TypeScript: by its compiler, on a program that uses them and on one that misuses them.

import { fileURLToPath } from "node:url";

import ts from "typescript";

const RIGHT = fileURLToPath(new URL("../programs/right.ts", import.meta.url));
const WRONG = fileURLToPath(new URL("../programs/wrong.ts", import.meta.url));

/** `tsc --strict`, and all that is stricter still. The language's own library is enough, and is not checked itself. */
const OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  skipDefaultLibCheck: true,
  types: [],
  lib: ["lib.es2022.d.ts"],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};

/** The files of the language's library, which every program of this process shares. */
const LIBRARY = new Map();

export async function typescript(module) {
  const options = { ...OPTIONS, paths: { tidings: [module] } };
  const program = ts.createProgram([RIGHT, WRONG], options, host(options));
  const said = ts.getPreEmitDiagnostics(program).map(described);
  const marked = ts.sys.readFile(WRONG).split("\n").flatMap((text, index) => (text.endsWith("// refused") ? [index + 1] : []));
  const meant = ({ name, line }) => name === "wrong.ts" && marked.includes(line);
  const refused = new Set(said.filter(meant).map(({ line }) => line));
  const wrong = said.filter((one) => !meant(one)).map(({ name, line, text }) => `${name}:${line}: ${text}`);
  wrong.push(...marked.filter((line) => !refused.has(line)).map((line) => `wrong.ts:${line}: compiles`));
  return { checked: `compiled by tsc ${ts.version}, ${refused.size} of ${marked.length} misuses refused`, wrong };
}

function host(options) {
  const own = ts.createCompilerHost(options);
  const read = own.getSourceFile;
  own.getSourceFile = (name, ...rest) => {
    if (!name.startsWith(own.getDefaultLibLocation())) {
      return read(name, ...rest);
    }
    if (!LIBRARY.has(name)) {
      LIBRARY.set(name, read(name, ...rest));
    }
    return LIBRARY.get(name);
  };
  return own;
}

/** What the compiler says, by file and line. */
function described({ file, start, messageText }) {
  return {
    name: file?.fileName.split("/").at(-1) ?? "tsc",
    line: file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1,
    text: ts.flattenDiagnosticMessageText(messageText, " "),
  };
}
