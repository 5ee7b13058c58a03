import { fileURLToPath, pathToFileURL } from "node:url";

const engineDirectory = new URL(".", import.meta.url).href;

/** A mistake in how a graph is built: shapes or dtypes that do not fit, a tensor from another trace, ... */
export class GraphError extends Error {
  override readonly name = "GraphError";
}

/**
 * Throws a {@link GraphError} that names the operation and the line of the caller's code that used it.
 */
export function fail(operation: string, problem: string): never {
  throw new GraphError(withCallerLine(`${operation}: ${problem}`));
}

/** The message with the line of the caller's code, where there is one: `... (at file:line)`. */
export function withCallerLine(message: string): string {
  const line = callerLine();
  return line === undefined ? message : `${message} (at ${line})`;
}

/** `file:line` of the innermost stack frame outside the engine, so that messages point at the user's code. */
function callerLine(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const frames = new Error().stack?.split("\n").slice(1) ?? [];
  Error.stackTraceLimit = limit;
  for (const frame of frames) {
    const location = /(?:^\s*at |\()(?:async )?((?:file:\/\/)?\/.*|[A-Za-z]:\\.*):(\d+):\d+\)?$/.exec(frame);
    const place = location?.[1];
    if (place === undefined) continue;
    const url = place.startsWith("file:") ? place : pathToFileURL(place).href;
    if (url.startsWith(engineDirectory) && !url.includes(".test.")) continue;
    return `${fileURLToPath(url)}:${location?.[2]}`;
  }
  return undefined;
}
