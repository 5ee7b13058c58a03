import { bert } from "../../../models/bert.ts";
import { textModelFromOnnx } from "../../../models/onnx-text.ts";
import type { MakeTextModel } from "./run.ts";

/** The models of the command `leakage text`, at the size that a text and a vocabulary need. */
export const makeTextModel: MakeTextModel = async (name, { tokens, vocabulary, tied }) =>
  name === "bert-tiny"
    ? bert({ tokens, vocabulary, tied, head: "masked-lm" })
    : textModelFromOnnx(name, { tokens });
