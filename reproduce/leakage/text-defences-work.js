// One text, one draw of network, masks and noise, and what is read off its gradient in closed form.
import { attackText, randomStream, vocabularyOfWords, wordPiece } from "../../dist/methods/leakage/index.js";
import { bert } from "../../dist/models/index.js";

const sentence = "The patient's brother has the same rare disease, and he is nine.";
const others = Array.from({ length: 300 }, (_, i) => `word${i}`).join(" ");
const tokenizer = wordPiece(vocabularyOfWords([sentence, others]));

export default async function attackDefended({ defence, tied, seed }, { signal }) {
  const { bagOfWords, wordOrder, spanCheck, confirmation } = await attackText({
    sentence,
    tokenizer,
    model: bert({
      tokens: tokenizer.encode(sentence).length + 2,
      vocabulary: tokenizer.vocabulary.length,
      tied,
    }),
    parameters: {
      masked: 0.15,
      labels: "infer",
      distance: "l2",
      optimizer: "lbfgs",
      iterations: 0,
      starts: 1,
      reorderings: 0,
      dtype: "float64",
      defence,
    },
    stream: randomStream(seed),
    signal,
  });
  return {
    recall: bagOfWords.bagRecall,
    precision: bagOfWords.bagPrecision,
    order: wordOrder.metrics.tokenAccuracy,
    span: spanCheck.metrics.tokenAccuracy,
    confirmed: confirmation?.confirmed ?? false,
  };
}
