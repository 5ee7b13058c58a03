/** What one call costs: the sum of two arrays of 10 numbers. Target and aim are seconds. */
export default {
  name: "smallest-graph",
  description: "one add of 10 numbers: time of one run",
  target: 30e-6,
  aim: 10e-6,
  peer: {},

  async ours({ engine, op, uniform, threads, parameters: { steps = 1000 } }) {
    const { compile, ndarray, specs } = engine;
    const a = ndarray(uniform(10, 1), [10], "float32");
    const b = ndarray(uniform(10, 2), [10], "float32");
    const add = await compile((x, y) => op.add(x, y), specs([a, b]), { threads });
    const sum = await add.run(a, b);
    return {
      run: {
        "new array": async () => {
          for (let i = 0; i < steps; i++) await add.run(a, b);
        },
        "into a given array": async () => {
          for (let i = 0; i < steps; i++) await add.runInto(sum, a, b);
        },
      },
      unit: steps,
      check: [sum.data[0]],
    };
  },
};
