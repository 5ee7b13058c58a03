import { cleansingCase } from "./cleansing/cases.js";

/** The training of a small model again without each of its rows, all trainings from the first step to the last. */
export default {
  name: "cleansing-counterfactuals",
  description: "200 trainings, each without one row",
  target: 1.0,
  aim: 1.0,
  samplesPerRound: 2,
  peer: { NumPy: "cleansing_counterfactuals.py" },
  variants: [
    { name: "logistic, 800 steps", parameters: { case: "adult-logistic", dtype: "float64" } },
    { name: "perceptron 62-8-8-1, 100 steps", parameters: { case: "adult-perceptron", dtype: "float64" } },
  ],

  async ours({ engine, threads, parameters: { case: name, dtype } }) {
    const cleansing = "fallline/cleansing";
    const { retrainWithout, train } = await import(cleansing);
    const { options } = await cleansingCase(name, dtype, threads);
    const { parameters, record } = await train(options);
    const removals = Array.from(options.data.y.data, (_, row) => [row]);
    const run = () => retrainWithout(record, removals);

    const flat = (values) => engine.tree.leaves(values).flatMap(({ data }) => [...data]);
    const end = flat(parameters);
    const ends = (await run()).map(flat);
    const moved = ends.map((values) => Math.hypot(...values.map((value, k) => value - end[k])));
    return {
      run,
      unit: 1,
      check: [Math.hypot(...ends.flat()), Math.hypot(...moved), moved[0], moved[1], moved.at(-1)],
    };
  },
};
