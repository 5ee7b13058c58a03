import { describe, expect, it } from "vitest";
import { formatCommandLine } from "./command-line.ts";
import { parseParameters } from "./parameters.ts";
import { toy } from "./toy.testing.ts";

function typed(values: Record<string, unknown>): string {
  const command = toy.commands.sum;
  if (command === undefined) throw new Error("the toy has no command");
  const parameters = parseParameters(command.parameters, values);
  return formatCommandLine({ method: toy, commandName: "sum", command, parameters, seed: 1 });
}

describe("formatCommandLine", () => {
  it("gives the file, then what is not at its default, quoted for a shell", () => {
    expect(typed({ file: "my numbers.txt", steps: 4 })).toBe(
      "npx fallline toy sum 'my numbers.txt' --steps 4 --seed 1",
    );
  });

  it("puts a file that looks like an option behind --", () => {
    expect(typed({ file: "-x.txt", steps: 4 })).toBe("npx fallline toy sum --steps 4 --seed 1 -- -x.txt");
    expect(typed({ file: "- x.txt" })).toBe("npx fallline toy sum --seed 1 -- '- x.txt'");
  });
});
