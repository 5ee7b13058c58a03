/** Tables of the catalogue, found by their names and known again by their content wherever they lie. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.ts";
import { type CatalogueEntry, catalogue } from "./catalogue.ts";
import { hasDigest } from "./download.ts";
import { catalogueEntry } from "./fetch-dataset.ts";
import { InputError } from "./input-error.ts";

/** What is known of a table's file beside what stands in it. */
export interface KnownTable {
  /** As the catalogue titles it. */
  readonly title: string;
  /** The columns' names. */
  readonly columns: readonly string[];
  /** What stands at the end of each row's last field and is no part of it. */
  readonly rowEnd: string | undefined;
}

/** What the catalogue knows of a file: it is told by its size and then its digest, whatever its name. */
export async function knownTable(
  path: string,
  entries: readonly CatalogueEntry[] = catalogue,
): Promise<KnownTable | undefined> {
  const { size } = await stat(path);
  for (const { title, columns, files } of entries)
    for (const { bytes, sha256, rowEnd } of files)
      if (columns !== undefined && bytes === size && (await hasDigest(path, bytes, sha256)))
        return { title, columns, rowEnd };
  return undefined;
}

export interface TableFileOptions {
  /** Which part, where a data set has both. Default train */
  readonly split?: "train" | "test" | undefined;
  /** Where fetched data sets are. Default {@link cacheFolder} */
  readonly cacheDir?: string | undefined;
}

/**
 * The file of a table that was fetched, by the data set's name.
 *
 * @returns `undefined` for a name that is not in the catalogue
 * @throws InputError when it is none of the tables, or not fetched yet
 */
export async function fetchedTable(
  name: string,
  { split = "train", cacheDir = cacheFolder() }: TableFileOptions = {},
): Promise<string | undefined> {
  if (!catalogue.some((entry) => entry.name === name.toLowerCase())) return undefined;
  const entry = catalogueEntry(name);
  const tables = entry.columns === undefined ? [] : entry.files;
  const file = tables.find((candidate) => (candidate.split ?? "train") === split);
  if (file === undefined)
    throw new InputError(
      tables.length === 0
        ? `${name}: is a data set of images; expected a table`
        : `${name}: has no ${split} rows of its own; expected the split train`,
    );
  const path = join(cacheDir, entry.name, file.name);
  const isThere = await stat(path).catch(() => undefined);
  if (isThere === undefined)
    throw new InputError(
      `${name}: is not fetched yet; expected that fallline data fetch ${entry.name} ran before`,
    );
  return path;
}
