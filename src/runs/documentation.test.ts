import { describe, expect, it } from "vitest";
import { methodPage } from "./documentation.ts";
import { parameterSchema } from "./parameter-schema.ts";
import { toy } from "./toy.testing.ts";

describe("the page of a method", () => {
  const page = methodPage(toy);

  it("has its question, its source, and a section with an example for each command", () => {
    expect(page).toContain("# fallline toy: A toy <method> & its run");
    expect(page).toContain('Source: A. Author, "On Sums", Journal of Toys, 2020, arXiv 2001.00001.');
    expect(page).toContain("## sum\n\nAdd numbers up.\n\n    fallline toy sum FILE [options]\n");
    expect(page).toContain("    npx fallline toy sum numbers.txt --steps 3\n");
  });

  it("has a row for each parameter with range, unit and default, and the common options", () => {
    expect(page).toContain("| `--steps` | How many numbers | a whole number from 1 to 100 | numbers | 3 |");
    expect(page).toContain("| `FILE` | Where the numbers are |  |  | required |");
    expect(page).toContain("| `--seed` | Where all randomness starts | a whole number from 0 |  | 0 |");
    const widths = page.split("\n").filter((line) => line.startsWith("|"));
    for (const line of widths) expect(line.replaceAll("\\|", "").split("|")).toHaveLength(7);
  });
});

describe("the JSON Schema of a command", () => {
  it("holds ranges, defaults, units and the common options, and nothing else may be given", () => {
    const command = toy.commands.sum;
    if (command === undefined) throw new Error("the toy has no command");
    expect(parameterSchema(toy, "sum", command)).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "fallline toy sum",
      required: ["file"],
      additionalProperties: false,
      properties: {
        stepSize: {
          type: "number",
          exclusiveMinimum: 0,
          maximum: 1,
          default: 0.5,
          unit: "s",
          description: "What to add",
        },
        label: { anyOf: [{ type: "integer" }, { enum: ["infer", "joint"] }] },
        seed: { type: "integer", minimum: 0, default: 0 },
        threads: { maximum: 1024 },
      },
    });
  });
});
