export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * JSON in which a number that JSON lacks stands as the text "Infinity", "-Infinity" or "NaN" instead of turning
 * into null unseen: the PSNR of a perfect copy is infinite.
 */
export function toJson(value: unknown, { indent = 0 }: { indent?: number } = {}): string {
  return JSON.stringify(
    value,
    (_, item: unknown) => (typeof item === "number" && !Number.isFinite(item) ? String(item) : item),
    indent,
  );
}
