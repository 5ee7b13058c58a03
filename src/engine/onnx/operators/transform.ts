import { zerosLike } from "../../ops/constants.ts";
import { fft, ifft } from "../../ops/fourier.ts";
import { concat, pad, sliceAxis } from "../../ops/slicing.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { attribute, type Call, type OperatorTable, optionalNumbers, tensor } from "./call.ts";

/** Fourier transforms. */

/** The signal's trailing axis holds real, or real and imaginary parts. The axis is an input since operator set 20. */
function discreteFourier(call: Call): Tensor {
  const signal = tensor(call, 0);
  const given = call.opset < 20 ? attribute(call, "axis", 1) : (optionalNumbers(call, 2)?.[0] ?? -2);
  const axis = normalizeAxis(given, signal.rank, "DFT");
  const complex = signal.shape.at(-1) === 1 ? concat([signal, zerosLike(signal)], -1) : signal;
  const x = resized(complex, axis, optionalNumbers(call, 1)?.[0] ?? complex.shape[axis] ?? 0);
  const inverse = attribute(call, "inverse", 0) === 1;
  const y = inverse ? ifft(x, { axes: axis }) : fft(x, { axes: axis });
  if (attribute(call, "onesided", 0) === 0) return y;
  return sliceAxis(y, axis, 0, Math.floor((x.shape[axis] ?? 0) / 2) + 1);
}

/** Cut, or with zeros at the end. */
function resized(x: Tensor, axis: number, length: number): Tensor {
  const size = x.shape[axis] ?? 0;
  return pad(
    x,
    x.shape.map((_, i): [number, number] => (i === axis ? [0, length - size] : [0, 0])),
  );
}

export const transforms: OperatorTable = {
  DFT: {
    apply: discreteFourier,
    staticInputs: [1, 2],
    unsupported: (node) =>
      attribute({ node }, "onesided", 0) === 1 && attribute({ node }, "inverse", 0) === 1
        ? "a one-sided inverse is not supported"
        : undefined,
  },
};
