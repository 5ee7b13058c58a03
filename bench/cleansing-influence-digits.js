import { influenceWork } from "./cleansing/cases.js";

/**
 * The same as `cleansing-influence` for 6000 rows of 784 numbers. The float64 variant is there for its check: single scores
 * can be compared only there.
 */
export default {
  name: "cleansing-influence-digits",
  description: "influence of 6000 rows on a perceptron 784-32-10, 1880 steps",
  target: 1.0,
  aim: 0.5,
  samplesPerRound: 1,
  peer: { PyTorch: "cleansing_influence_torch.py", NumPy: "cleansing_influence.py" },
  variants: [
    { name: "float32", parameters: { case: "digits-perceptron", dtype: "float32" } },
    { name: "float64", parameters: { case: "digits-perceptron", dtype: "float64" } },
  ],
  ours: influenceWork,
};
