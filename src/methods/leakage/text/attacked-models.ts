import { bert } from "../../../models/bert.ts";
import type { MakeTextModel } from "./run.ts";

/** The models of the command `leakage text`, at the size that a text and a vocabulary need. */
export const makeTextModel: MakeTextModel = (_name, { tokens, vocabulary, tied }) =>
  bert({ tokens, vocabulary, tied, head: "masked-lm" });
