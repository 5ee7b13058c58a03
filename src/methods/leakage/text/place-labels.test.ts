import { describe, expect, it } from "vitest";
import { randomStream } from "../../../numeric/random.ts";
import { confirmText } from "./confirm.ts";
import { smallEncoder } from "./encoder.testing.ts";
import { sharedTextGradient } from "./gradient.ts";
import { placeLabels } from "./place-labels.ts";

const ids = Array.from({ length: 12 }, (_, i) => 5 + ((7 * i) % 25));
const rows = [1, 2, 4, 5, 7, 9, 10];
const labels = [9, 8, 9, 21, 3, 17, 26];
const ascending = labels.toSorted((a, b) => a - b);

async function client(tied: boolean) {
  const model = smallEncoder({ vocabularySize: 30, length: ids.length, width: 16, tied });
  const parameters = model.init(randomStream(1), "float64");
  const targets = { rows, labels };
  const gradient = await sharedTextGradient({ model, parameters, ids, targets, dtype: "float64" });
  return { model, parameters, gradient, ids, rows, dtype: "float64" as const };
}

describe("placing labels", () => {
  it.each([false, true])("finds the row of each of seven, one of them twice; tied %s", async (tied) => {
    const shared = await client(tied);
    expect(await placeLabels({ ...shared, labels: ascending })).toEqual(labels);
  });

  it("lets a text be confirmed with more masks than there are orders to try", async () => {
    const confirmation = await confirmText({ ...(await client(false)), labels: ascending });
    expect(confirmation).toMatchObject({ confirmed: true, labels });
  });

  it("gives labels back as they are where one only is possible", async () => {
    const shared = await client(false);
    expect(await placeLabels({ ...shared, rows: [1], labels: [9] })).toEqual([9]);
  });
});
