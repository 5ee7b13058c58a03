// Compiles assembly/row-kernel.ts and stores the module's bytes in a source file, so that neither tests nor
// users need the compiler. `--check` only says whether the stored bytes are the ones the source gives.
import { readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

const target = new URL("../src/numeric/row-kernel.wasm.ts", import.meta.url);

const files = new Map();
const { error, stderr } = await asc.main(
  "assembly/row-kernel.ts -o row-kernel.wasm -O3 --noAssert --runtime stub --importMemory --enable simd --use abort=".split(
    " ",
  ),
  {
    readFile: (name) => {
      try {
        return readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
      } catch {
        return null;
      }
    },
    writeFile: (name, contents) => files.set(name, contents),
    listFiles: () => [],
  },
);
if (error) throw new Error(`${error.message}\n${stderr.toString()}`);

const text = Buffer.from(files.get("row-kernel.wasm"))
  .toString("base64")
  .replaceAll(/.{1,96}/g, '  "$&",\n');
const source = `// Made by \`npm run build:wasm\` from assembly/row-kernel.ts.\n\n/** The module's bytes in base64. */\nexport const rowKernelModule = [\n${text}].join("");\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== source)
    throw new Error("src/numeric/row-kernel.wasm.ts is out of date: npm run build:wasm");
} else writeFileSync(target, source);
