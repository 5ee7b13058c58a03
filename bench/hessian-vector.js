/** Hessian-vector products of L2-regularised logistic regression, one call each. */
export default {
  name: "hessian-vector",
  description: "Hessian-vector product of logistic regression, n = 1000, d = 123",
  target: 0.6,
  aim: 0.3,
  peer: { PyTorch: "hessian_vector.py" },
  variants: [
    { name: "float32", parameters: { dtype: "float32" } },
    { name: "float64", parameters: { dtype: "float64" } },
  ],

  async ours({
    engine,
    op,
    uniform,
    threads,
    parameters: { dtype, rows = 1000, columns = 123, steps = 100 },
  }) {
    const { compile, hvp, ndarray, specs } = engine;
    const x = ndarray(uniform(rows * columns, 1, -1, 1), [rows, columns], dtype);
    const y = ndarray(
      uniform(rows, 2).map((u) => (u < 0.5 ? 1 : 0)),
      [rows],
      dtype,
    );
    const w = ndarray(uniform(columns, 3, -0.5, 0.5), [columns], dtype);
    const v = ndarray(uniform(columns, 4, -1, 1), [columns], dtype);

    const product = await compile(
      (weights, vector, features, targets) => {
        const loss = (p) =>
          op.binaryCrossEntropyWithLogits(op.matmul(features, p), targets).add(p.mul(p).sum().mul(0.5e-3));
        return hvp(loss)(weights, vector);
      },
      specs([w, v, x, y]),
      { threads },
    );

    const result = await product.run(w, v, x, y);
    return {
      run: async () => {
        for (let i = 0; i < steps; i++) await product.run(w, v, x, y);
      },
      unit: steps,
      check: [Math.hypot(...result.data), result.data.reduce((sum, value) => sum + value, 0)],
    };
  },
};
