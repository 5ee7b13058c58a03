/** The command line of a list of methods, made from their faces. */
import { Command as Program } from "commander";
import { InputError } from "../data/input-error.ts";
import type { Command, Method } from "../runs/method.ts";
import {
  describeParameters,
  type ParameterDescription,
  parseParameters,
  quoteValue,
} from "../runs/parameters.ts";
import { type RunOptions, runOptions } from "../runs/run-options.ts";
import { readArgument } from "./arguments.ts";
import { describeOption, exampleOf, listMethods, optionFlags, sourceOf } from "./help.ts";

/** What the user asked for, checked. */
export interface Invocation {
  readonly method: Method;
  readonly commandName: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly options: RunOptions;
  /** Whether stdout carries one JSON object and nothing else. */
  readonly json: boolean;
  /** Whether progress and notes are left out. */
  readonly quiet: boolean;
}

export interface ProgramOptions {
  readonly version: string;
  readonly write: (text: string) => void;
  readonly run: (invocation: Invocation) => Promise<void>;
}

/**
 * A commander program that throws its errors (CommanderError, or InputError for a parameter out of range) and writes
 * only through `write`.
 */
export function createProgram(methods: readonly Method[], { version, write, run }: ProgramOptions): Program {
  const program = new Program("fallline")
    .description("A workbench for stochastic gradients")
    .version(version, "--version", "Print the version")
    .helpOption("-h, --help", "Print this page")
    .helpCommand(false)
    .usage("METHOD COMMAND [options]")
    .exitOverride()
    // Without a command commander prints the help page as an error; here it is the answer.
    .configureOutput({ writeOut: write, writeErr: write, outputError: () => {} })
    .configureHelp({
      styleOptionTerm: upperPlaceholder,
      styleSubcommandTerm: (term) => term.split(" ")[0] ?? term,
    });
  program
    .command("list")
    .description("List the methods, their questions and their commands")
    .action(() => write(listMethods(methods)));
  for (const method of methods) addMethod(program, method, run);
  addHelpCommand(program, "Print the page of a method or a command");
  return program;
}

/** commander's own help command takes any word and prints its own page for those that it does not know. */
function addHelpCommand(page: Program, description: string): void {
  page
    .command("help")
    .description(description)
    .argument("[NAME...]")
    .usage("[NAME...]")
    .helpOption("-h, --help", "Print this page")
    .action((names: readonly string[]) => findPage(page, names).outputHelp());
}

function findPage(start: Program, names: readonly string[]): Program {
  let page = start;
  for (const name of names) {
    const next = page.commands.find((command) => command.name() === name);
    if (next === undefined) {
      const known = page.commands.map((command) => command.name()).filter((command) => command !== "help");
      const expected = known.length === 0 ? `nothing after ${page.name()}` : `one of ${known.join(", ")}`;
      throw new InputError(`help: expected ${expected}, found ${quoteValue(name)}`);
    }
    page = next;
  }
  return page;
}

function addMethod(program: Program, method: Method, run: ProgramOptions["run"]): void {
  const page = program
    .command(method.name)
    .description(`${method.title}: ${method.question}`)
    .usage("COMMAND [options]")
    .helpOption("-h, --help", "Print this page")
    .helpCommand(false)
    .addHelpText("after", `\n${sourceOf(method)}\n`);
  for (const [name, command] of Object.entries(method.commands))
    addCommand(page, { method, name, command, run });
  addHelpCommand(page, "Print the page of a command");
}

interface CommandEntry {
  readonly method: Method;
  readonly name: string;
  readonly command: Command;
  readonly run: ProgramOptions["run"];
}

function addCommand(parent: Program, { method, name, command, run }: CommandEntry): void {
  const own = describeParameters(command.parameters);
  const common = describeParameters(runOptions);
  const positional = own.filter((description) => description.positional);
  const page = parent
    .command(name)
    .description(command.summary)
    .usage([...positional.map(argumentUsage), "[options]"].join(" "))
    .addHelpText("after", `\n${exampleOf(method, name, command)}`);
  // Arguments are optional to commander, so that a missing one is told like every other parameter.
  for (const description of positional)
    page.argument(
      `[${description.placeholder}${description.takes.list ? "..." : ""}]`,
      describeOption(description),
    );
  page.optionsGroup("Parameters:");
  for (const description of own.filter((candidate) => !candidate.positional)) addOption(page, description);
  page.optionsGroup("Options of every command:");
  for (const description of common) addOption(page, description);
  page
    .option("--json", "Print the result as one JSON object and nothing else")
    .option("--quiet", "No progress and no notes")
    .helpOption("-h, --help", "Print this page");
  page.action(async () => {
    const { json, quiet } = page.opts<{ json?: boolean; quiet?: boolean }>();
    const options = parseParameters(runOptions, givenOptions(page, common));
    const given = { ...givenOptions(page, own), ...givenArguments(page, positional) };
    const parameters = parseParameters(command.parameters, given);
    await run({ method, commandName: name, parameters, options, json: json === true, quiet: quiet === true });
  });
}

function addOption(page: Program, description: ParameterDescription): void {
  page.option(optionFlags(description), describeOption(description));
}

/** Values of the options that the user typed, by parameter. */
function givenOptions(page: Program, descriptions: readonly ParameterDescription[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const description of descriptions) {
    if (page.getOptionValueSource(description.name) !== "cli") continue;
    const value: unknown = page.getOptionValue(description.name);
    values[description.name] = typeof value === "string" ? readArgument(description, value) : value;
  }
  return values;
}

function givenArguments(page: Program, positional: readonly ParameterDescription[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [index, description] of positional.entries()) {
    const value: unknown = page.processedArgs[index];
    const missing = value === undefined || (Array.isArray(value) && value.length === 0);
    if (missing && description.required)
      throw new InputError(`${description.label}: expected ${description.description}, found nothing`);
    if (!missing) values[description.name] = readArgument(description, value as string | string[]);
  }
  return values;
}

function argumentUsage({ placeholder, required, takes }: ParameterDescription): string {
  const name = takes.list ? `${placeholder}...` : placeholder;
  return required ? name : `[${name}]`;
}

/** commander writes `--seed <N>`; the help page shows `--seed N`. */
function upperPlaceholder(term: string): string {
  return term.replace(/<(.*)>/, "$1");
}
