/** `fallline schema` and `docs`: what is known of a command's parameters, for programs and for readers. */
import type { Command as Program } from "commander";
import { InputError } from "../data/input-error.ts";
import { methodPage } from "../runs/documentation.ts";
import { toJson } from "../runs/json.ts";
import type { Method } from "../runs/method.ts";
import { parameterSchema } from "../runs/parameter-schema.ts";
import { quoteValue } from "../runs/parameters.ts";

/** Adds the commands to the page of all commands. */
export function addFaceCommands(
  program: Program,
  methods: readonly Method[],
  write: (text: string) => void,
): void {
  program
    .command("schema")
    .description("Print the JSON Schema of a command's parameters, which --config files follow")
    .argument("[METHOD]", "a method")
    .argument("[COMMAND]", "a command of it")
    .option("--json", "Print one JSON object, which it does without this, too")
    .helpOption("-h, --help", "Print this page")
    .action((methodName: string | undefined, commandName: string | undefined) => {
      const method = methodNamed(methods, "METHOD", methodName);
      const command = commandName === undefined ? undefined : method.commands[commandName];
      if (commandName === undefined || command === undefined || !Object.hasOwn(method.commands, commandName))
        throw new InputError(
          `COMMAND: expected one of ${Object.keys(method.commands).join(", ")}, found ${quoteValue(commandName)}`,
        );
      write(`${JSON.stringify(parameterSchema(method, commandName, command), null, 2)}\n`);
    });
  program
    .command("docs")
    .description("Print the page of a method as Markdown: commands, examples, parameters")
    .argument("[METHOD]", "a method")
    .option("--json", "Print the page as one JSON object and nothing else")
    .helpOption("-h, --help", "Print this page")
    .action((name: string | undefined, { json = false }: { json?: boolean }) => {
      const method = methodNamed(methods, "METHOD", name);
      const page = methodPage(method);
      write(json ? `${toJson({ method: method.name, markdown: page })}\n` : page);
    });
}

function methodNamed(methods: readonly Method[], label: string, name: string | undefined): Method {
  const method = methods.find((candidate) => candidate.name === name);
  if (method === undefined)
    throw new InputError(
      `${label}: expected one of ${methods.map((candidate) => candidate.name).join(", ")}, found ${quoteValue(name)}`,
    );
  return method;
}
