import type { OnnxNode } from "../model.ts";
import { activation, runtimeActivation } from "./activation.ts";
import type { Operator, OperatorTable } from "./call.ts";
import { control } from "./control.ts";
import { convolutions } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { indexing } from "./indexing.ts";
import { linear, runtimeLinear } from "./linear.ts";
import { normalizations } from "./normalization.ts";
import { padding } from "./padding.ts";
import { pooling } from "./pooling.ts";
import { recurrentLayers } from "./recurrent.ts";
import { reductions } from "./reduction.ts";
import { resampling } from "./resize.ts";
import { shapes } from "./shape.ts";
import { transforms } from "./transform.ts";

/** Every operator that the reader knows. */

const domains: Readonly<Record<string, OperatorTable>> = {
  "": {
    ...elementwise,
    ...activation,
    ...linear,
    ...convolutions,
    ...reductions,
    ...normalizations,
    ...shapes,
    ...padding,
    ...indexing,
    ...resampling,
    ...pooling,
    ...transforms,
    ...control,
    ...recurrentLayers,
  },
  "com.microsoft": { ...runtimeLinear, ...runtimeActivation },
};

/** The operator of a node; `undefined` where it is not supported. */
export function operatorOf({ domain, type }: OnnxNode): Operator | undefined {
  const table = Object.hasOwn(domains, domain) ? domains[domain] : undefined;
  const found = table !== undefined && Object.hasOwn(table, type) ? table[type] : undefined;
  return typeof found === "function" ? { apply: found } : found;
}

/** The operators that the reader supports, by domain. */
export function supportedOperators(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(domains).map(([domain, table]) => [domain, Object.keys(table).toSorted()]),
  );
}
