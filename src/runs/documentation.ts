/** A method's page as Markdown, made from its face: commands, examples and parameters, none of it written twice. */
import type { Command, Method } from "./method.ts";
import { describeParameters, type ParameterDescription, typedDefault } from "./parameters.ts";
import { runOptions } from "./run-options.ts";

/** Where and by whom a method was published, in one line. */
export function citationOf({ source }: Method): string {
  const { authors, title, venue, year, arxiv } = source;
  return `${authors}, "${title}", ${venue}, ${year}${arxiv === undefined ? "" : `, arXiv ${arxiv}`}`;
}

/** The page of a method: its question, its source, and for each command an example and tables of parameters. */
export function methodPage(method: Method): string {
  const commands = Object.entries(method.commands).map(([name, command]) =>
    commandSection(method, name, command),
  );
  return `# fallline ${method.name}: ${method.title}

_${method.question}_ Source: ${citationOf(method)}.

${commands.join("\n")}
## Options of every command

${parameterTable(describeParameters(runOptions))}
`;
}

function commandSection(method: Method, name: string, command: Command): string {
  const parameters = describeParameters(command.parameters);
  const arguments_ = parameters.filter(({ positional }) => positional);
  const usage = arguments_.map(({ label, required, takes }) => {
    const word = takes.list ? `${label}...` : label;
    return required ? word : `[${word}]`;
  });
  const groups = [...new Set(parameters.map(({ group }) => group))];
  const tables = groups.map((group) => {
    const heading = group === undefined ? "" : `**${group}**\n\n`;
    return `${heading}${parameterTable(parameters.filter((parameter) => parameter.group === group))}\n`;
  });
  return `## ${name}

${command.summary}.

    fallline ${[method.name, name, ...usage, "[options]"].join(" ")}

For example:

    npx fallline ${method.name} ${name} ${command.example}

${tables.join("\n")}`;
}

/** A row for each parameter: how it is typed, what it is, what is accepted, in which unit, and its default. */
export function parameterTable(parameters: readonly ParameterDescription[]): string {
  const rows = parameters.map((parameter) => [
    `\`${parameter.label}\``,
    parameter.description,
    // Of a file its description says what is accepted.
    parameter.accepted === parameter.description ? "" : parameter.accepted,
    parameter.unit ?? "",
    parameter.required ? "required" : typedDefault(parameter),
  ]);
  const lines = [
    ["parameter", "meaning", "accepted", "unit", "default"],
    ["---", "---", "---", "---", "---"],
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.map(escapeCell).join(" | ")} |`).join("\n");
}

function escapeCell(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .replaceAll(/([*_<])/g, (character) => (text.startsWith("`") ? character : `\\${character}`));
}
