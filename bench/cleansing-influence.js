import { cleansingCase, scoreCheck } from "./cleansing/cases.js";

/**
 * Linear influence of every training row on the validation loss: the walk back through a training whose states are all recorded,
 * from a query that is given. Training and query are made before the time starts, on both sides.
 */
export default {
  name: "cleansing-influence",
  description: "influence of every row: one walk back through a recorded training",
  target: 1.0,
  aim: 1.0,
  samplesPerRound: 2,
  peer: {
    PyTorch: "cleansing_influence_torch.py",
    NumPy: "cleansing_influence.py",
    "NumPy, step by step": "cleansing_influence_steps.py",
  },
  variants: [
    {
      name: "logistic, 800 steps",
      parameters: { case: "adult-logistic", dtype: "float64" },
      peers: ["NumPy", "NumPy, step by step"],
      target: 0.2,
      aim: 0.2,
    },
    {
      name: "perceptron 62-8-8-1, 100 steps",
      parameters: { case: "adult-perceptron", dtype: "float64" },
      peers: ["NumPy", "NumPy, step by step"],
    },
    {
      name: "perceptron 784-32-10, 1880 steps",
      parameters: { case: "digits-perceptron", dtype: "float32" },
      peers: ["PyTorch", "NumPy"],
      target: 1.0,
      aim: 0.5,
    },
  ],

  async ours({ threads, parameters: { case: name, dtype } }) {
    const [cleansingName, trainingName] = ["fallline/cleansing", "fallline/training"];
    const { linearInfluence, lossQuery } = await import(cleansingName);
    const { train } = await import(trainingName);
    const { options, validation } = await cleansingCase(name, dtype, threads);
    const { record } = await train(options);
    const query = await lossQuery(record, validation);
    const run = () => linearInfluence(record, [query]);
    const [{ scores }] = await run();
    return { run, unit: 1, check: scoreCheck(scores) };
  },
};
