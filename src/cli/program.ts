/** The command line of a list of methods, made from their faces. */
import { Command as Program } from "commander";
import { InputError } from "../data/input-error.ts";
import { citationOf } from "../runs/documentation.ts";
import { toJson } from "../runs/json.ts";
import type { Command, Method } from "../runs/method.ts";
import {
  describeParameters,
  type ParameterDescription,
  parseParameters,
  quoteValue,
} from "../runs/parameters.ts";
import { lineOptions, type RunOptions, runOptions } from "../runs/run-options.ts";
import { readArgument } from "./arguments.ts";
import { readConfig } from "./config.ts";
import { addDataCommands, type DataCommandsOptions } from "./data-commands.ts";
import { addFaceCommands } from "./face-commands.ts";
import { describeOption, exampleOf, listMethods, methodsAsValues, optionFlags } from "./help.ts";
import { addRunCommands } from "./run-commands.ts";

/** A run to start, or one to take up again. */
export type Work =
  | {
      readonly kind: "start";
      readonly parameters: Readonly<Record<string, unknown>>;
      readonly options: RunOptions;
    }
  | { readonly kind: "resume"; readonly folder: string; readonly threads: number | undefined };

/** What the user asked for, checked. */
export interface Invocation {
  readonly method: Method;
  readonly commandName: string;
  readonly work: Work;
  /** Whether stdout carries one JSON object and nothing else. */
  readonly json: boolean;
  /** Whether progress and notes are left out. */
  readonly quiet: boolean;
}

export interface ProgramOptions {
  readonly version: string;
  readonly write: (text: string) => void;
  readonly run: (invocation: Invocation) => Promise<void>;
  /** The data room and how its work is watched; without it there is no `fallline data`. */
  readonly data?: Pick<DataCommandsOptions, "load" | "watch">;
}

/**
 * A commander program that throws its errors (CommanderError, or InputError for a parameter out of range) and writes
 * only through `write`.
 */
export function createProgram(
  methods: readonly Method[],
  { version, write, run, data }: ProgramOptions,
): Program {
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
  const [example] = methods.flatMap((method) =>
    Object.entries(method.commands).map(([name, command]) => exampleOf(method, name, command)),
  );
  if (example !== undefined) program.addHelpText("after", `\n${example}`);
  program.commandsGroup("Methods:");
  for (const method of methods) addMethod(program, method, run);
  program.commandsGroup("The workbench:");
  program
    .command("list")
    .description("List the methods, their questions and their commands")
    .option("--json", "Print one JSON object and nothing else")
    .helpOption("-h, --help", "Print this page")
    .action(({ json = false }: { json?: boolean }) =>
      write(json ? `${toJson({ methods: methodsAsValues(methods) })}\n` : listMethods(methods)),
    );
  addFaceCommands(program, methods, write);
  addRunCommands(program, write);
  if (data !== undefined) addDataCommands(program, { ...data, write });
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
    .addHelpText("after", `\n${citationOf(method)}\n`);
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

/** The options that may stand beside `--resume`, as commander names them. */
const besideResume = new Set(["resume", "threads", "json", "quiet"]);

function addCommand(parent: Program, { method, name, command, run }: CommandEntry): void {
  const own = describeParameters(command.parameters);
  const common = describeParameters(runOptions);
  const ofLine = describeParameters(lineOptions);
  const positional = own.filter((description) => description.positional);
  const flags = own.filter((description) => !description.positional);
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
  for (const group of new Set(flags.map((description) => description.group))) {
    page.optionsGroup(`${group ?? "Parameters"}:`);
    for (const description of flags) if (description.group === group) addOption(page, description);
  }
  page.optionsGroup("Options of every command:");
  for (const description of [...common, ...ofLine]) addOption(page, description);
  page.helpOption("-h, --help", "Print this page");
  page.action(async () => {
    const { config, resume, json, quiet } = parseParameters(lineOptions, givenOptions(page, ofLine));
    const typed = {
      options: givenOptions(page, common),
      parameters: { ...givenOptions(page, own), ...givenArguments(page, positional) },
    };
    if (resume !== undefined) {
      refuseBesideResume(page, resume);
      const { threads } = parseParameters(runOptions, typed.options);
      const work = { kind: "resume", folder: resume, threads } as const;
      return run({ method, commandName: name, work, json, quiet });
    }
    const all = [...own, ...common];
    const fromFile = config === undefined ? {} : await readConfig(config, all);
    const labels = Object.fromEntries(
      Object.keys(fromFile)
        .filter((key) => !(key in typed.options) && !(key in typed.parameters))
        .map((key) => [key, `--config ${config}, ${key}`]),
    );
    const pick = (descriptions: readonly ParameterDescription[], values: Record<string, unknown>) =>
      Object.fromEntries(
        Object.entries({ ...fromFile, ...values }).filter(([key]) =>
          descriptions.some((description) => description.name === key),
        ),
      );
    const options = parseParameters(runOptions, pick(common, typed.options), { labels });
    const given = pick(own, typed.parameters);
    refuseMissing(positional, given);
    const parameters = parseParameters(command.parameters, given, { labels });
    await run({ method, commandName: name, work: { kind: "start", parameters, options }, json, quiet });
  });
}

/** A run goes on as it was begun: no parameter may be given anew. */
function refuseBesideResume(page: Program, folder: string): void {
  const expected =
    "expected --threads, --json and --quiet alone, as the run goes on with its recorded parameters";
  const other = page.options.find(
    (option) =>
      page.getOptionValueSource(option.attributeName()) === "cli" &&
      !besideResume.has(option.attributeName()),
  );
  if (other !== undefined)
    throw new InputError(`--resume ${folder}: found ${other.long} beside it; ${expected}`);
  const [argument] = page.args;
  if (argument !== undefined)
    throw new InputError(`--resume ${folder}: found ${quoteValue(argument)} beside it; ${expected}`);
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
    if (!missing) values[description.name] = readArgument(description, value as string | string[]);
  }
  return values;
}

function refuseMissing(
  positional: readonly ParameterDescription[],
  given: Readonly<Record<string, unknown>>,
): void {
  for (const { name, label, description, required } of positional)
    if (required && given[name] === undefined)
      throw new InputError(`${label}: expected ${description}, found nothing`);
}

function argumentUsage({ placeholder, required, takes }: ParameterDescription): string {
  const name = takes.list ? `${placeholder}...` : placeholder;
  return required ? name : `[${name}]`;
}

/** commander writes `--seed <N>`; the help page shows `--seed N`. */
function upperPlaceholder(term: string): string {
  return term.replace(/<(.*)>/, "$1");
}
