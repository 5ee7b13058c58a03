/** A user's data, read and divided into rows to train on, to judge by and to test with. */
import { dataKindOf } from "../../data/data-kind.ts";
import { InputError } from "../../data/input-error.ts";
import type { DataRequest, PreparedData } from "./data-parts.ts";
import { prepareImages } from "./prepared-images.ts";
import { prepareTable } from "./prepared-table.ts";

export {
  type DataManifest,
  type DataPart,
  type DataRequest,
  findRow,
  type PartName,
  type PreparedData,
  type PreparedImages,
  type PreparedTable,
  partNames,
  type RowDescription,
} from "./data-parts.ts";

/**
 * Reads a user's data and divides them.
 *
 * Tables: numbers are standardised and texts become one feature for each level, by the means, deviations and levels of
 * the training rows alone; a level that those do not have is `(other)`. Images: each channel is standardised by its mean
 * and deviation over the training images.
 *
 * Classes with five rows or more are in each part in the same proportion.
 *
 * @throws InputError in one line: a path that holds neither, a label column that is missing, not there or has one class
 *   only, a text in a column of numbers, missing values under the policy `error`, too few rows for the parts or the batch
 */
export async function prepareData(request: DataRequest): Promise<PreparedData> {
  requireFractions(request);
  const kind = await dataKindOf(request.data);
  switch (kind) {
    case "table":
      return prepareTable(request);
    case "folder":
    case "idx":
    case "cifar":
    case "image-set":
      return prepareImages(request);
    default:
      throw new InputError(
        `${request.data}: is ${kind === "image" ? "one image" : `a file of arrays (${kind})`}; expected a table, IDX or CIFAR files, or a folder with a subfolder of images for each class`,
      );
  }
}

function requireFractions({ validation = 0.2, test = 0.2 }: DataRequest): void {
  for (const [flag, share] of Object.entries({ "--validation": validation, "--test": test }))
    if (!(share > 0 && share < 1))
      throw new InputError(`${flag}: expected a share above 0 and below 1, found ${share}`);
  if (validation + test >= 1 - 1e-9)
    throw new InputError(
      `--validation ${validation} and --test ${test}: leave nothing to train on; expected shares that add up to less than 1`,
    );
}
