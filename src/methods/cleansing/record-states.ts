import { InputError } from "../../data/input-error.ts";
import type { StepSelection } from "../../training/steps.ts";

export interface RecordChoice {
  readonly states: StepSelection;
  /** How many epochs are gone back through; all where it is not said. */
  readonly lastEpochs?: number;
}

/** States up to this are all kept, in memory. */
export const memoryBytes = 2 ** 29;

/**
 * Which states `--record` asks for.
 *
 * @param text all, every:K, sqrt, log, last-epochs:K or auto
 * @param training.bytes what all its states take
 * @throws InputError naming what is accepted
 */
export function recordChoice(
  text: string,
  { bytes, epochs }: { readonly bytes: number; readonly epochs: number },
): RecordChoice {
  const [, word, number] = /^([a-z-]+)(?::([1-9]\d{0,8}))?$/.exec(text) ?? [];
  if (number === undefined) {
    if (word === "auto") return { states: bytes <= memoryBytes ? "all" : "sqrt" };
    if (word === "all" || word === "sqrt" || word === "log") return { states: word };
  } else {
    const count = Number(number);
    if (word === "every") return { states: { every: count } };
    if (word === "last-epochs" && count > epochs)
      throw new InputError(`--record ${text}: the training has --epochs ${epochs}; expected at most as many`);
    if (word === "last-epochs") return { states: { lastEpochs: count }, lastEpochs: count };
  }
  throw new InputError(
    `--record: expected all, every:K, sqrt, log, last-epochs:K or auto (K a whole number from 1), found ${JSON.stringify(text)}`,
  );
}
