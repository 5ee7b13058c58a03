import { describe, expect, it } from "vitest";
import { createProgressBar, formatBar } from "./progress-bar.ts";

describe("formatBar", () => {
  it("shows the part done, the rate, the time left and the label", () => {
    expect(formatBar({ done: 1000, total: 4000, label: "loss 3.1e-5" }, 500)).toBe(
      "████░░░░░░░░░░░░ 25% 1,000/4,000  500/s  6.0 s left  loss 3.1e-5",
    );
  });

  it("leaves out the bar first and the label last where the line is short", () => {
    const progress = { done: 1000, total: 4000, label: "loss 3.1e-5" };
    const at = (width: number): string => formatBar(progress, 500, { width });
    expect(at(64)).toMatch(/^█/);
    expect(at(63)).toBe("25% 1,000/4,000  500/s  6.0 s left  loss 3.1e-5");
    expect(at(46)).toBe("25% 1,000/4,000  6.0 s left  loss 3.1e-5");
    expect(at(30)).toBe("25%  6.0 s left  loss 3.1e-5");
    expect(at(20)).toBe("25%  loss 3.1e-5");
    expect(at(10)).toBe("25%");
    expect(at(2)).toBe("25");
  });

  it("does without a rate, and never shows more than all", () => {
    expect(formatBar({ done: 5, total: 4, label: "" }, 0)).toBe("████████████████ 100% 5/4");
    expect(formatBar({ done: 0, total: 0, label: "" }, 0)).toMatch(/^░{16} 0% 0\/0$/);
  });
});

describe("createProgressBar", () => {
  function record(terminal: { isTTY?: boolean; columns?: number }) {
    const written: string[] = [];
    let time = 0;
    const bar = createProgressBar(
      { ...terminal, write: (text: string) => written.push(text) },
      { interval: 100, now: () => time },
    );
    const wait = (milliseconds: number): void => {
      time += milliseconds;
    };
    return { bar, written, wait };
  }

  it("writes nothing where there is no terminal", () => {
    const { bar, written } = record({});
    bar.update({ done: 1, total: 2, label: "" });
    bar.clear();
    expect(written).toEqual([]);
  });

  it("draws at its interval and at the end, within one line, and goes away", () => {
    const { bar, written, wait } = record({ isTTY: true, columns: 40 });
    for (let done = 0; done <= 30; done++) {
      bar.update({ done, total: 30, label: "a label that is too long for the line" });
      wait(10);
    }
    expect(written).toHaveLength(4);
    expect(written.every((text) => text.replace("\r\x1b[2K", "").length <= 39)).toBe(true);
    bar.clear();
    bar.clear();
    expect(written.slice(4)).toEqual(["\r\x1b[2K"]);
  });

  it("takes a terminal of 0 columns for one that does not know its width", () => {
    const { bar, written } = record({ isTTY: true, columns: 0 });
    bar.update({ done: 1, total: 2, label: "loss 12" });
    expect(written.at(-1)).toMatch(/loss 12$/);
  });

  it("measures the rate from the first update on", () => {
    const { bar, written, wait } = record({ isTTY: true, columns: 200 });
    bar.update({ done: 10, total: 110, label: "" });
    wait(1000);
    bar.update({ done: 60, total: 110, label: "" });
    expect(written.at(-1)).toContain("50/s  1.0 s left");
  });
});
