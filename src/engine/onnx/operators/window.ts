import { type Call, listAttribute, textAttribute } from "./call.ts";

/** Where the windows of convolutions and poolings lie. */

/** Elements added before and after an axis. */
export type Padding = readonly [before: number, after: number];

export interface Window {
  /** Of the spatial axes of the input. */
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** ONNX lists what comes before all axes, then what comes after them. */
export function pairs(pads: readonly number[], axes: number): Padding[] {
  return Array.from({ length: axes }, (_, i): Padding => [pads[i] ?? 0, pads[i + axes] ?? 0]);
}

export type AutoPadMode = "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";

/** Who says where the padding is: `NOTSET` the node's `pads`. */
export function autoPadMode(call: Call): AutoPadMode {
  const mode = textAttribute(call, "auto_pad", "NOTSET");
  switch (mode) {
    case "":
      return "NOTSET";
    case "NOTSET":
    case "VALID":
    case "SAME_UPPER":
    case "SAME_LOWER":
      return mode;
    default:
      throw new Error(`auto_pad ${JSON.stringify(mode)} is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER`);
  }
}

/** The padding of a node: its `pads`, or what `auto_pad` makes of its window. */
export function autoPadding(call: Call, { size, kernel, stride, dilation }: Window): Padding[] {
  const mode = autoPadMode(call);
  switch (mode) {
    case "NOTSET":
      return pairs(listAttribute(call, "pads") ?? [], size.length);
    case "VALID":
      return size.map((): Padding => [0, 0]);
    default:
      return size.map((length, i): Padding => {
        const step = stride[i] ?? 1;
        const reach = ((kernel[i] ?? 1) - 1) * (dilation[i] ?? 1) + 1;
        const total = Math.max(0, (Math.ceil(length / step) - 1) * step + reach - length);
        const small = Math.floor(total / 2);
        return mode === "SAME_UPPER" ? [small, total - small] : [total - small, small];
      });
  }
}
