/** fallline: a workbench for stochastic gradients. */
export * as data from "./data/index.ts";
export * as engine from "./engine/index.ts";
export * as leakage from "./methods/leakage/index.ts";
export * as models from "./models/index.ts";
export * as numeric from "./numeric/index.ts";
export * as training from "./training/index.ts";
