import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** In a process of its own: the test runner's memory would move what is measured. */
const script = `
import { compile, ndarray, op, spec } from "fallline/engine";
const executable = await compile((x, y) => [op.matmul(x, y), op.sum(x)], [spec([32, 32]), spec([32, 32])], { threads: 1 });
const x = ndarray(new Float32Array(1024).fill(1), [32, 32]);
const outputs = await executable.run(x, x);
for (let i = 0; i < 500; i++) { await executable.run(x, x); await executable.runInto(outputs, x, x); }
const before = process.memoryUsage().rss;
for (let i = 0; i < 4500; i++) { await executable.run(x, x); await executable.runInto(outputs, x, x); }
console.log(process.memoryUsage().rss - before);
`;

test("10,000 runs leave memory where it was after the first 1,000, within 20 MB", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: new URL("..", import.meta.url).pathname,
  });
  expect(Number(stdout)).toBeLessThan(20 * 2 ** 20);
});
