import type { Method } from "../runs/method.ts";

/** Every method of the workbench, in the order in which they are listed. */
export const methods: readonly Method[] = [];
