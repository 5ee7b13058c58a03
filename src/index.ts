/** fallline: a workbench for stochastic gradients. */
export * as engine from "./engine/index.ts";
export * as leakage from "./methods/leakage/index.ts";
