/** The face of the method: what its user can ask. */
import { defineMethod, type Method } from "../../runs/method.ts";
import { curveCommand } from "./curve-command.ts";
import { explainCommand } from "./explain-command.ts";
import { importCommand } from "./import-command.ts";
import { rankCommand } from "./rank-command.ts";

export const cleansing: Method = defineMethod({
  name: "cleansing",
  title: "Data cleansing for models trained with SGD",
  question: "Which of my training rows hurt this model, and does removing them help?",
  source: {
    authors: "Satoshi Hara, Atsushi Nitanda, Takanori Maehara",
    title: "Data Cleansing for Models Trained with SGD",
    venue: "NeurIPS",
    year: 2019,
    arxiv: "1906.08473",
  },
  commands: {
    rank: rankCommand(),
    curve: curveCommand(),
    explain: explainCommand(),
    import: importCommand(),
  },
});
