/**
 * What can be read off a parameter's schema: its flag, its range in words, its default. Help pages, messages and
 * reports are made from this, so that nothing about a parameter is written twice.
 */
import { z } from "zod";
import { InputError } from "../data/input-error.ts";

declare module "zod" {
  interface GlobalMeta {
    /** Unit of a number, as in "s" or "gradient evaluations". */
    unit?: string;
    /** The parameter is given by its position, not by a flag: files, mostly. */
    positional?: boolean;
    /** What stands for the value in help pages: "IMAGE". */
    placeholder?: string;
    /** The heading under which help pages and documentation put the parameter: "Defence". */
    group?: string;
  }
}

export type ParametersSchema = z.ZodObject;

export interface ParameterDescription {
  /** Key in the schema: `learningRate`. */
  readonly name: string;
  /** How the user names it: `--learning-rate`, or the placeholder of a positional one. */
  readonly label: string;
  readonly placeholder: string;
  readonly positional: boolean;
  /** The heading under which it stands; `undefined` for the first, which has none of its own. */
  readonly group: string | undefined;
  readonly description: string;
  readonly unit: string | undefined;
  /** The accepted values in words: "a whole number from 1 to 100". */
  readonly accepted: string;
  readonly required: boolean;
  readonly defaultValue: unknown;
  /** Which kinds of value the schema takes; decides how a text is read. */
  readonly takes: { readonly number: boolean; readonly flag: boolean; readonly list: boolean };
}

/** The part of JSON Schema that zod's schemas of parameters turn into. */
interface JsonSchema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  minLength?: number;
  default?: unknown;
  description?: string;
  unit?: string;
  positional?: boolean;
  placeholder?: string;
  group?: string;
}

/** Every parameter of a schema, in the order written. */
export function describeParameters(schema: ParametersSchema): ParameterDescription[] {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const required = new Set(json.required ?? []);
  return Object.entries(json.properties ?? {}).map(([name, property]) =>
    describeParameter(name, property as JsonSchema, { required: required.has(name) }),
  );
}

/**
 * The parameters that the schema makes of raw values: defaults filled in, ranges checked.
 *
 * @param options.labels how a message names a parameter that did not come by its flag
 * @throws InputError naming the parameter, what is accepted and what was given
 */
export function parseParameters<Schema extends ParametersSchema>(
  schema: Schema,
  values: Readonly<Record<string, unknown>>,
  { labels = {} }: { readonly labels?: Readonly<Record<string, string>> } = {},
): z.output<Schema> {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const descriptions = describeParameters(schema);
  const name = String(issue?.path[0] ?? "");
  const description = descriptions.find((candidate) => candidate.name === name);
  if (description === undefined) {
    const known = descriptions.map((candidate) => candidate.name).join(", ");
    throw new InputError(`parameters: ${issue?.message ?? "not understood"}; expected ${known}`);
  }
  // A check that a schema adds by hand knows more than its range says; it speaks for itself.
  const expected =
    issue?.code === "custom" ? issue.message : `expected ${description.accepted}${unsaidBound(issue)}`;
  throw new InputError(
    `${labels[name] ?? description.label}: ${expected}, found ${quoteValue(values[name])}`,
  );
}

/** The bounds of every whole number are left out of what is accepted; where one was passed it has to be told. */
function unsaidBound(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER) return ` to ${issue.maximum}`;
  if (issue?.code === "too_small" && issue.minimum === Number.MIN_SAFE_INTEGER)
    return ` from ${issue.minimum}`;
  return "";
}

/** A value as a message shows it. */
export function quoteValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === "") return "an empty text";
  if (typeof value === "string") return JSON.stringify(value);
  return Array.isArray(value) ? `"${value.join(",")}"` : String(value);
}

/** A default as it would be typed; empty where there is none, or an empty list. */
export function typedDefault({ defaultValue }: ParameterDescription): string {
  if (defaultValue === undefined) return "";
  return Array.isArray(defaultValue) || typeof defaultValue === "string"
    ? String(defaultValue)
    : quoteValue(defaultValue);
}

/** `learningRate` as `learning-rate`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function describeParameter(
  name: string,
  schema: JsonSchema,
  { required }: { required: boolean },
): ParameterDescription {
  const forms = schema.anyOf ?? [schema];
  const positional = schema.positional ?? false;
  const placeholder = schema.placeholder ?? defaultPlaceholder(name, schema);
  return {
    name,
    label: positional ? placeholder : `--${kebabCase(name)}`,
    placeholder,
    positional,
    group: schema.group,
    description: schema.description ?? "",
    unit: schema.unit,
    // Of a file, say, what it must be is told by its description alone.
    accepted:
      positional && isText(schema.type === "array" ? schema.items : schema)
        ? (schema.description ?? "a text")
        : acceptedValues(schema),
    required,
    defaultValue: schema.default,
    takes: {
      number: [...forms, ...forms.flatMap(itemForms)].some(isNumeric),
      flag: forms.some((form) => form.type === "boolean"),
      list: forms.some((form) => form.type === "array"),
    },
  };
}

/** The forms of a list's items. */
function itemForms({ items }: JsonSchema): JsonSchema[] {
  return items === undefined ? [] : (items.anyOf ?? [items]);
}

/** Whether it is any text, as that of a file's name. */
function isText(schema: JsonSchema | undefined): boolean {
  return schema?.type === "string" && schema.enum === undefined;
}

function isNumeric(schema: JsonSchema): boolean {
  return schema.type === "number" || schema.type === "integer";
}

function defaultPlaceholder(name: string, schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join("|");
  return isNumeric(schema) ? "N" : kebabCase(name).toUpperCase();
}

/** The accepted values in words. */
function acceptedValues(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(acceptedValues).join(", or ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined)
    return schema.enum.length === 1 ? String(schema.enum[0]) : `one of ${schema.enum.join(", ")}`;
  if (schema.type === "integer") return `a whole number${range(schema)}`;
  if (schema.type === "number") return `a number${range(schema)}`;
  if (schema.type === "boolean") return "true or false";
  if (schema.type === "array") return `a list, each item ${acceptedValues(schema.items ?? {})}`;
  const text = schema.placeholder === undefined ? "a text" : `a text (${schema.placeholder})`;
  return schema.minLength === 1 ? `${text} that is not empty` : text;
}

function range(schema: JsonSchema): string {
  // zod bounds every whole number by what a double holds exactly, which is no bound worth telling.
  const minimum = schema.minimum === Number.MIN_SAFE_INTEGER ? undefined : schema.minimum;
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  const parts: string[] = [];
  if (minimum !== undefined) parts.push(`from ${minimum}`);
  if (schema.exclusiveMinimum !== undefined) parts.push(`above ${schema.exclusiveMinimum}`);
  if (maximum !== undefined) parts.push(parts.length === 0 ? `of at most ${maximum}` : `to ${maximum}`);
  if (schema.exclusiveMaximum !== undefined)
    parts.push(
      parts.length === 0 ? `below ${schema.exclusiveMaximum}` : `and below ${schema.exclusiveMaximum}`,
    );
  return parts.length === 0 ? "" : ` ${parts.join(" ")}`;
}
