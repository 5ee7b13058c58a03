/** Data: tables, images and arrays in and out, encodings for learning, splits, public data sets, synthetic data. */
export { type ArrayHeader, readArrayHeaders } from "./array-headers.ts";
export { cacheFolder } from "./cache-folder.ts";
export { type CatalogueEntry, type CatalogueFile, catalogue } from "./catalogue.ts";
export { readCifar10, readCifar100 } from "./cifar.ts";
export { describeFile, type FileDescription, type ListedDataset, listDatasets } from "./commands.ts";
export { type DataKind, dataKindOf } from "./data-kind.ts";
export { type DatasetOptions, type ImageDataset, openDataset } from "./dataset.ts";
export {
  type DecodedValue,
  decodeFeatures,
  type EncodedFeatures,
  encodeFeatures,
  type FeatureEncoder,
  type FeatureEncoderOptions,
  type FeatureSource,
  featureSources,
  fitFeatureEncoder,
  type MissingPolicy,
  type NumberEncoding,
  type TextEncoding,
} from "./encode-features.ts";
export {
  type ClassTarget,
  type ClassTargetOptions,
  encodeClasses,
  encodeRegression,
  type RegressionTarget,
} from "./encode-target.ts";
export { type FetchedDataset, type FetchOptions, fetchDataset } from "./fetch-dataset.ts";
export { readIdx, readIdxImages, readIdxShape } from "./idx.ts";
export { type ImageShape, type ReadImage, readImage, readImageSize } from "./image.ts";
export { InputError } from "./input-error.ts";
export { addLabelNoise, type LabelNoiseOptions, type NoisyLabels } from "./label-noise.ts";
export { readNpy, toNpy } from "./npy.ts";
export { readNpz, toNpz } from "./npz.ts";
export { readSafetensors, toSafetensors } from "./safetensors.ts";
export type { Selection } from "./selection.ts";
export { type Fold, kFold, type RowSplit, type SplitOptions, splitRows } from "./split.ts";
export {
  type ClassifiedPoints,
  gaussianClasses,
  gaussianInputs,
  type LinearData,
  type LinearDataOptions,
  linearRegressionData,
  logisticData,
  twoMoons,
} from "./synthetic.ts";
export {
  type BatchOptions,
  type ColumnType,
  type ColumnValues,
  openTable,
  readTable,
  type Table,
  type TableBatch,
  type TableColumn,
  type TableData,
  type TableInfo,
  type TableOptions,
} from "./table.ts";
export { type ColumnReference, columnOf } from "./table-column.ts";
export { type ColumnSummary, describeTable, type TableSummary } from "./table-summary.ts";
