// Compiles the modules of assembly/ and stores their bytes in source files, so that neither tests nor users need the
// compiler. `--check` only says whether the stored bytes are the ones the sources give.
import { readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

const modules = {
  "row-kernel": { target: "src/numeric/row-kernel.wasm.ts", constant: "rowKernelModule" },
  "logistic-runs": { target: "src/training/logistic-runs.wasm.ts", constant: "logisticRunsModule" },
};

for (const [name, { target, constant }] of Object.entries(modules)) {
  const bytes = await compiled(name);
  const text = Buffer.from(bytes)
    .toString("base64")
    .replaceAll(/.{1,96}/g, '  "$&",\n');
  const source = `// Made by \`npm run build:wasm\` from assembly/${name}.ts.\n\n/** The module's bytes in base64. */\nexport const ${constant} = [\n${text}].join("");\n`;
  const place = new URL(`../${target}`, import.meta.url);
  if (!process.argv.includes("--check")) writeFileSync(place, source);
  else if (readFileSync(place, "utf8") !== source)
    throw new Error(`${target} is out of date: npm run build:wasm`);
}

/**
 * @param {string} name
 * @returns {Promise<Uint8Array>}
 */
async function compiled(name) {
  const files = new Map();
  const { error, stderr } = await asc.main(
    `assembly/${name}.ts -o ${name}.wasm -O3 --noAssert --runtime stub --importMemory --enable simd --use abort=`.split(
      " ",
    ),
    {
      readFile: (path) => {
        try {
          return readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (path, contents) => files.set(path, contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return files.get(`${name}.wasm`);
}
