/**
 * Input that cannot be used: a file, a parameter or a folder that the user can change. Its message is one line
 * that names what was given, what was expected and what was found; the command line prints it without a stack
 * and ends with exit code 2.
 */
export class InputError extends Error {
  override readonly name = "InputError";

  constructor(message: string, options?: ErrorOptions) {
    super(message.replaceAll(/\s*\n\s*/g, " "), options);
  }
}

/** The `code` of an operating system error ("ENOENT"), or `undefined` for any other value. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
