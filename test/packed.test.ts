import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { environment, installedPackage } from "./installed.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const picture = join(root, "examples/fallline.png");

const folder = await installedPackage();
const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });

/** What the TypeScript compiler has to say of a file. */
const check = (file: string, ...options: readonly string[]): string => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const common = ["--strict", "--noEmit", "--target", "es2023", "--lib", "es2023,dom"];
  const { stdout } = spawnSync("node", [tsc, ...common, ...options, file], { cwd: folder, encoding: "utf8" });
  // Observable Plot's declarations need those of d3, which are a package of their own; what is ours has to be whole.
  const isOurs = (line: string): boolean => !/^(node_modules\/@observablehq\/| )/.test(line);
  return stdout.split("\n").filter(isOurs).join("\n");
};

describe("the packed package", () => {
  it("holds whatever its list of files names", () => {
    const packed = join(folder, "node_modules/fallline");
    const { files } = JSON.parse(readFileSync(join(packed, "package.json"), "utf8")) as { files: string[] };
    expect(files.filter((entry) => !existsSync(join(packed, entry.split("*")[0] ?? "")))).toEqual([]);
  });

  it("holds every file that its pages link to", () => {
    const packed = join(folder, "node_modules/fallline");
    const pages = readdirSync(packed, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".md"),
    );
    const links = pages.flatMap((page) =>
      Array.from(readFileSync(join(packed, page), "utf8").matchAll(/\]\(([^)\s#]+)/g), ([, target = ""]) => ({
        page,
        target,
      })),
    );
    const relative = links.filter(({ target }) => !/^[a-z]+:/i.test(target));
    expect(relative.filter(({ page }) => page === "README.md")).not.toEqual([]);
    const broken = relative.filter(({ page, target }) => !existsSync(join(packed, dirname(page), target)));
    expect(broken).toEqual([]);
  });

  it("has a command that attacks a picture", () => {
    const output = run("npx", [
      "--no-install",
      "fallline",
      "leakage",
      "attack",
      picture,
      "--evaluations",
      "30",
      "--json",
    ]);
    expect(JSON.parse(output)).toMatchObject({ values: { evaluations: 30, label: expect.any(Number) } });
  });

  it("has a library that a script imports", () => {
    writeFileSync(
      join(folder, "script.js"),
      `import { compile, grad, ndarray, spec } from "fallline/engine";
       import * as op from "fallline/engine/ops";
       import { mostHarmful } from "fallline/cleansing";
       import { lenet } from "fallline/leakage";
       const slope = await compile((x) => grad((v) => op.sum(op.square(v)))(x), [spec([3], "float64")]);
       console.log(Array.from((await slope.run(ndarray([1, 2, 3], [3], "float64"))).data).join(), lenet().classes, mostHarmful([2, -1, 0]).join());`,
    );
    expect(run("node", ["script.js"]).trim()).toBe("2,4,6 100 1,2,0");
  });

  it("has a module at each of its subpaths, with types, for Node and for bundlers", () => {
    const { exports } = JSON.parse(
      readFileSync(join(folder, "node_modules/fallline/package.json"), "utf8"),
    ) as { exports: Record<string, unknown> };
    const subpaths = Object.keys(exports)
      .filter((subpath) => !subpath.endsWith(".json"))
      .map((subpath) => `fallline${subpath.slice(1)}`);
    const imports = subpaths.map((subpath, i) => `import * as module${i} from "${subpath}";`);
    const names = subpaths.map((_, i) => `module${i}`).join(", ");
    const text = `${imports.join("\n")}\nfor (const module of [${names}]) console.log(Object.keys(module).length);\n`;
    writeFileSync(join(folder, "subpaths.js"), text);
    const counts = run("node", ["subpaths.js"]).trim().split("\n").map(Number);
    expect(counts).toHaveLength(subpaths.length);
    expect(Math.min(...counts)).toBeGreaterThan(5);
    mkdirSync(join(folder, "typed"), { recursive: true });
    writeFileSync(join(folder, "typed/subpaths.ts"), text);
    expect(check("typed/subpaths.ts", "--module", "nodenext")).toBe("");
    expect(check("typed/subpaths.ts", "--module", "esnext", "--moduleResolution", "bundler")).toBe("");
  });

  it("has types that a strict TypeScript project accepts", () => {
    mkdirSync(join(folder, "typed"), { recursive: true });
    writeFileSync(
      join(folder, "typed/use.ts"),
      `import { compile, type NDArray, ndarray, spec, type Tensor, tree, valueAndGrad } from "fallline/engine";
       import * as op from "fallline/engine/ops";
       const loss = (w: { a: Tensor }, x: Tensor): Tensor => op.sum(x.mul(w.a));
       const step = await compile((w: { a: Tensor }, x: Tensor) => {
         const [value, slope] = valueAndGrad(loss)(w, x);
         return [value, tree.map((p, d) => p.sub(d), w, slope)] as const;
       }, [{ a: spec([2]) }, spec([2])]);
       const result: readonly [NDArray, { readonly a: NDArray }] = await step.run({ a: ndarray([1, 2]) }, ndarray([3, 4]));
       console.log(result[1].a.shape);`,
    );
    expect(check("typed/use.ts", "--module", "nodenext")).toBe("");
  });
});
