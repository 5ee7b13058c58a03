/** Parameters from a file: `--config run.json` or `--config run.yaml`. */
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { InputError, systemErrorCode } from "../data/input-error.ts";
import { kebabCase, type ParameterDescription } from "../runs/parameters.ts";

/** Far above any list of parameters; what is larger is a data set by mistake. */
const largestBytes = 1024 * 1024;

/**
 * The parameters that a file gives, by name. A parameter is written as its flag without the hyphens before it
 * (`step-size`) or as in the JSON Schema (`stepSize`).
 *
 * @param known the parameters that may stand in it
 * @throws InputError when the file cannot be read, is no JSON or YAML object, or has a key that is none of `known`
 */
export async function readConfig(
  path: string,
  known: readonly ParameterDescription[],
): Promise<Record<string, unknown>> {
  const content = await parseConfig(path, await readText(path));
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw new InputError(
      `--config ${path}: holds ${Array.isArray(content) ? "a list" : content === null ? "nothing" : `a ${typeof content}`}; expected parameters by name`,
    );
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(content)) {
    const description = known.find(({ name }) => key === name || key === kebabCase(name));
    if (description === undefined)
      throw new InputError(
        `--config ${path}: there is no parameter ${JSON.stringify(key)}; expected some of ${known.map(({ name }) => name).join(", ")}`,
      );
    if (Object.hasOwn(values, description.name))
      throw new InputError(`--config ${path}: ${key} is given twice; expected each parameter once`);
    values[description.name] = value;
  }
  return values;
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > largestBytes)
      throw new InputError(`--config ${path}: has ${size} bytes; expected a file of at most ${largestBytes}`);
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof InputError) throw error;
    const code = systemErrorCode(error);
    const found =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "this is a folder"
          : String(code ?? error);
    throw new InputError(`--config ${path}: ${found}; expected a JSON or YAML file`, { cause: error });
  }
}

async function parseConfig(path: string, text: string): Promise<unknown> {
  const ending = extname(path).toLowerCase();
  if (![".json", ".yaml", ".yml"].includes(ending))
    throw new InputError(`--config ${path}: expected a file that ends in .json, .yaml or .yml`);
  try {
    if (ending === ".json") return JSON.parse(text) as unknown;
    const { parse } = await import("yaml");
    return parse(text, { maxAliasCount: 100, prettyErrors: true, logLevel: "error" }) as unknown;
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0];
    throw new InputError(
      `--config ${path}: not ${ending === ".json" ? "JSON" : "YAML"} (${reason?.replace(/:$/, "")})`,
      { cause: error },
    );
  }
}
