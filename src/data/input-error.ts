/** Bad input of the user's: its message is one line that names what was given, where, and what is accepted. */
export class InputError extends Error {
  override readonly name = "InputError";
}
