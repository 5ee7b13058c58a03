/** What all commands ask of the data, the network and the training. Nothing heavy is imported: help pages are made of it. */
import { z } from "zod";

const fraction = z.number().gt(0).lt(1);

const data = {
  data: z.string().min(1).meta({
    description:
      "a table (CSV, TSV, JSON, Parquet, or a pattern of several), IDX or CIFAR files, a folder with a subfolder of images for each class, or the name of a fetched data set",
    positional: true,
    placeholder: "DATA",
  }),
  label: z.string().min(1).optional().meta({
    description:
      "The column of a table that says each row's class: its name, its number from 1, or last. Images have their classes already",
    placeholder: "COLUMN",
    group: "Data",
  }),
  validation: fraction.default(0.2).meta({
    description: "Share of rows by whose loss the others are judged; they train nothing",
    group: "Data",
  }),
  test: fraction.default(0.2).meta({
    description: "Share of rows that neither train nor judge, for the error after cleansing",
    group: "Data",
  }),
  rows: z.int().min(1).optional().meta({
    description: "Use only so many rows, drawn at random",
    group: "Data",
  }),
  missing: z.enum(["indicator", "impute", "error"]).default("indicator").meta({
    description:
      "A value that is missing: indicator takes the mean of a number and a level of its own for text, and marks it; impute takes the mean or the most frequent level; error stops",
    group: "Data",
  }),
  textColumns: z.array(z.string().min(1)).default([]).meta({
    description: "Columns taken as texts (one feature for each) though they hold numbers",
    placeholder: "COLUMN,...",
    group: "Data",
  }),
  except: z.array(z.string().min(1)).default([]).meta({
    description: "Columns left out",
    placeholder: "COLUMN,...",
    group: "Data",
  }),
  header: z.enum(["auto", "yes", "no"]).default("auto").meta({
    description: "Whether the first line of a delimited file names the columns; auto recognises it",
    group: "Data",
  }),
  imageShape: z.array(z.int().min(1)).length(3).optional().meta({
    description:
      "Images of a folder are cropped and resized to channels (1 or 3), height and width; by default to those of the first",
    placeholder: "C,H,W",
    group: "Data",
  }),
};

/** Those of the network alone. */
export const networkParameters = {
  model: z.string().min(1).default("logistic").meta({
    description:
      "The network: logistic, mlp:16,16 (its hidden layers), lenet, cnn, vgg11, resnet18, resnet20, resnet32, or a file with the parameters to start from",
    placeholder: "NAME|FILE.onnx",
    group: "Network",
  }),
  activation: z.enum(["tanh", "softplus", "gelu", "sigmoid", "relu"]).optional().meta({
    description:
      "Activation of a named network, tanh by default. Smooth ones make predictions faithful; the kinks of relu do not",
    group: "Network",
  }),
  normalisation: z.enum(["group", "none"]).optional().meta({
    description:
      "Normalisation of vgg11 (by default none) and the resnets (by default group); that of batches is not taken, as it couples the rows of a batch",
    group: "Network",
  }),
};

const training = {
  epochs: z.int().min(1).max(100_000).default(20).meta({ description: "Epochs", group: "Training" }),
  batch: z.int().min(1).max(1_000_000).default(64).meta({ description: "Rows of a step", group: "Training" }),
  learningRate: z.number().positive().default(0.05).meta({ description: "Step size", group: "Training" }),
  optimizer: z.enum(["sgd", "momentum", "nesterov", "adam", "adamw"]).default("sgd").meta({
    description: "Optimiser",
    group: "Training",
  }),
  momentum: z.number().gt(0).lt(1).default(0.9).meta({
    description: "Share of the last step that momentum and nesterov keep",
    group: "Training",
  }),
  weightDecay: z.number().min(0).optional().meta({
    description: "Weight decay of the optimiser; by default 0, of adamw 0.01 as in PyTorch",
    group: "Training",
  }),
  penalty: z.number().min(0).max(1e6).default(0).meta({
    description:
      "lambda of lambda/2 |parameters|^2 in the loss of every row; a row that is left out takes its share along, where --weight-decay stays whole",
    group: "Training",
  }),
  dtype: z.enum(["float32", "float64"]).optional().meta({
    description:
      "Precision; by default float64 for tables and float32 for images. A row's effect is small: float32 rounds at about 1e-7 of the loss",
    group: "Training",
  }),
};

/** The parameters that a command spreads into its schema. */
export const dataParameters = { ...data, ...networkParameters, ...training };

const schema = z.object(dataParameters);

/** The parameters as a command receives them, defaults filled in. */
export type DataParameters = z.output<typeof schema>;
