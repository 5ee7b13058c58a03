import { influenceWork } from "./cleansing/cases.js";

/**
 * Linear influence of every training row on the validation loss: the walk back through a training whose states are all
 * recorded. Training and query are made before the time starts, on both sides. A record keeps the probabilities that its
 * trajectory gives after the first walk; NumPy's fastest form computes them in each.
 */
export default {
  name: "cleansing-influence",
  description: "influence of every row of a small table: one walk back through a recorded training",
  target: 1.0,
  aim: 1.0,
  peer: { "NumPy, step by step": "cleansing_influence_steps.py", NumPy: "cleansing_influence.py" },
  variants: [
    {
      name: "logistic, 800 steps",
      parameters: { case: "adult-logistic", dtype: "float64" },
      target: 0.2,
      aim: 0.2,
    },
    {
      name: "perceptron 62-8-8-1, 100 steps",
      parameters: { case: "adult-perceptron", dtype: "float64" },
    },
  ],
  ours: influenceWork,
};
