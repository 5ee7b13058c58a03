/**
 * The part of WebAssembly's interface used here, which the language's own type library does not describe.
 */
declare const WebAssembly:
  | {
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
      readonly Instance: new (module: object, imports: object) => { readonly exports: object };
    }
  | undefined;

const compiled = new Map<string, object>();

/** Whether this runtime has WebAssembly: some do not even have the name. */
export function hasWebAssembly(): boolean {
  return typeof WebAssembly !== "undefined";
}

/**
 * An instance of a module that imports its memory, with a memory of its own; a module is compiled once.
 *
 * @param base64 the module's bytes; `Exports` is what its source in assembly/ says
 * @param bytes how large the memory is to be
 * @throws Error where there is no WebAssembly
 */
export function instantiate<Exports extends object>(
  base64: string,
  bytes: number,
): { readonly exports: Exports; readonly buffer: ArrayBuffer } {
  if (typeof WebAssembly === "undefined") throw new Error("this runtime has no WebAssembly");
  const module = compiled.get(base64) ?? new WebAssembly.Module(Buffer.from(base64, "base64"));
  compiled.set(base64, module);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { exports: exports as Exports, buffer: memory.buffer };
}
