import type { Method } from "../runs/method.ts";
import { cleansing } from "./cleansing/method.ts";
import { defineLeakage } from "./leakage/method.ts";

/**
 * Every method of the workbench, in the order in which they are listed. A method's work is imported when it is asked
 * for, so that help pages load neither the engine nor anything heavy.
 */
export const methods: readonly Method[] = [
  defineLeakage(async (request) => (await import("./leakage/attack-images.ts")).attackImages(request), {
    attackText: async (request) => (await import("./leakage/text/attack.ts")).attackText(request),
    loadModels: async () => (await import("./leakage/text/attacked-models.ts")).makeTextModel,
  }),
  cleansing,
];
