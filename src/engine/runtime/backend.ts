import type { NDArray } from "../ndarray.ts";
import type { Spec } from "../tensor.ts";

export type Device = "cpu" | "webgpu" | "cuda";

export interface NamedSpec extends Spec {
  readonly name: string;
}

export interface SessionOptions {
  readonly device: Device;
  readonly threads: number;
  /** How hard the runtime optimises the graph: `all`, or `none` to run it as written. */
  readonly optimize: "all" | "none";
}

/** A loaded graph. Arrays are matched to inputs and outputs by position. */
export interface Session {
  /** Runs the graph into `outputs` where given, else into fresh arrays. */
  run(inputs: readonly NDArray[], outputs?: readonly NDArray[]): Promise<NDArray[]>;
  dispose(): Promise<void>;
}

/** Where graphs run: ONNX Runtime in Node, later in a browser. */
export interface Backend {
  devices(): readonly Device[];
  defaultThreads(): number;
  /** How many channels a block of the runtime's blocked convolutions has here; `undefined` where it has none. */
  blockSize(device: Device): Promise<number | undefined>;
  load(
    model: Uint8Array,
    inputs: readonly NamedSpec[],
    outputs: readonly NamedSpec[],
    options: SessionOptions,
  ): Promise<Session>;
}
