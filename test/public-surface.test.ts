// What a user of the package sees: every subpath of package.json, and what is said of everything in it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as {
  exports: Record<string, string | { types: string; default: string }>;
};
const entries = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : [entry.types]));

describe("the package's subpaths", () => {
  it("give only functions, classes and values with a doc comment", () => {
    const files = entries.map((path) => `${root}/${path}`);
    const program = ts.createProgram(files, {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      skipLibCheck: true,
    });
    const checker = program.getTypeChecker();
    const undocumented = new Set<string>();
    let count = 0;
    for (const file of files) {
      const source = program.getSourceFile(file);
      const module = source && checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${file} is no module`);
      for (const listed of checker.getExportsOfModule(module)) {
        const symbol = listed.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(listed) : listed;
        const isValue = (symbol.flags & ts.SymbolFlags.Value) !== 0;
        // A namespace (`tree`, `op`) is a file, whose members are looked at where it is a subpath.
        if (!isValue || symbol.flags & ts.SymbolFlags.ValueModule) continue;
        count++;
        if (symbol.getDocumentationComment(checker).length === 0) undocumented.add(`${file}: ${listed.name}`);
      }
    }
    expect(count).toBeGreaterThan(300);
    expect([...undocumented]).toEqual([]);
  });
});
