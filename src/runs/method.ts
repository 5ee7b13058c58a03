/**
 * The face of a method: its name, its source and its commands, each with the schema of its parameters. The command
 * line, its help, a run's record and its report are made from it.
 */
import type { z } from "zod";
import type { JsonObject } from "./json.ts";
import type { ParametersSchema } from "./parameters.ts";
import type { Run } from "./run.ts";

/** Where a method was published. */
export interface Source {
  readonly authors: string;
  readonly title: string;
  readonly venue: string;
  readonly year: number;
  /** The number of the preprint: "1906.08935". */
  readonly arxiv?: string;
}

export interface CommandResult {
  /** The answer to the user's question: a paragraph of plain words and numbers with units. */
  readonly answer: string;
  /** The same as values, for a program that reads them. */
  readonly values: JsonObject;
}

export interface Command<Schema extends ParametersSchema = ParametersSchema> {
  /** One line: what the command answers. */
  readonly summary: string;
  /** Arguments of one worked example, as typed after the command: `photo.png --seed 1`. */
  readonly example: string;
  readonly parameters: Schema;
  run(parameters: z.output<Schema>, run: Run): Promise<CommandResult>;
}

export interface Method {
  /** Its folder and its word on the command line. */
  readonly name: string;
  readonly title: string;
  /** The question its user has, ending in a question mark. */
  readonly question: string;
  readonly source: Source;
  readonly commands: Readonly<Record<string, Command>>;
}

/** A command of a method; it only ties the type of `run`'s parameters to the schema. */
export function command<Schema extends ParametersSchema>(definition: Command<Schema>): Command<Schema> {
  return definition;
}

/**
 * The face of a method.
 *
 * @throws RangeError when a name is not made of lower-case letters, digits and hyphens, as the command line needs
 * @example
 * export const leakage = defineMethod({
 *   name: "leakage",
 *   title: "Deep leakage from gradients",
 *   question: "What does a shared gradient give away of my training data?",
 *   source: { authors: "Zhu, Liu, Han", title: "Deep Leakage from Gradients", venue: "NeurIPS", year: 2019 },
 *   commands: {
 *     attack: command({
 *       summary: "Recover an image from its gradient",
 *       example: "photo.png --seed 1",
 *       parameters: z.object({ iterations: z.int().min(1).default(300).meta({ description: "Outer steps" }) }),
 *       run: async (parameters, run) => ({ answer: "...", values: {} }),
 *     }),
 *   },
 * });
 */
export function defineMethod(definition: Method): Method {
  for (const name of [definition.name, ...Object.keys(definition.commands)])
    if (!/^[a-z][a-z0-9-]*$/.test(name))
      throw new RangeError(`defineMethod: ${JSON.stringify(name)} is not a word of the command line`);
  return definition;
}
