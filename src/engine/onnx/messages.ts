import { isMessage, type Message } from "@bufbuild/protobuf";

/** Calls `f` on a protobuf message and on all within it, the inner ones first. */
export function visitMessages(value: unknown, f: (message: Message) => void): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    if (typeof value[0] === "object") for (const item of value) visitMessages(item, f);
    return;
  }
  for (const item of Object.values(value)) visitMessages(item, f);
  if (isMessage(value)) f(value);
}
