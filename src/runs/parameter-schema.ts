/** A command's parameters as JSON Schema, for editors and programs that write `--config` files. */
import { z } from "zod";
import type { JsonObject } from "./json.ts";
import type { Command, Method } from "./method.ts";
import { runOptions } from "./run-options.ts";

/**
 * The schema (JSON Schema, draft 2020-12) of the files that `--config` takes for a command: its parameters and the
 * options of every run, with ranges, defaults and descriptions; units stand under `unit`.
 */
export function parameterSchema(method: Method, name: string, command: Command): JsonObject {
  const own = z.toJSONSchema(command.parameters, { io: "input", unrepresentable: "any" });
  const common = z.toJSONSchema(runOptions, { io: "input" });
  const schema: z.core.JSONSchema.JSONSchema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `fallline ${method.name} ${name}`,
    description: command.summary,
    type: "object",
    properties: { ...own.properties, ...common.properties },
    ...(own.required !== undefined && { required: own.required }),
    additionalProperties: false,
  };
  // What zod calls a JSON Schema is one: its type only leaves room for values of any kind.
  return schema as JsonObject;
}
