import { stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.ts";
import { type CatalogueEntry, type CatalogueFile, catalogue } from "./catalogue.ts";
import { type DownloadOptions, downloadFile } from "./download.ts";
import { InputError } from "./input-error.ts";
import { makeFolder } from "./make-folder.ts";
import { extractTar } from "./untar.ts";

export interface FetchOptions
  extends Pick<DownloadOptions, "signal" | "retries" | "retryDelay" | "stallTimeout"> {
  /** Default {@link cacheFolder}. */
  readonly cacheDir?: string | undefined;
  /** An address that has the files instead of the official one: a mirror in one's own network. Ends in no slash. */
  readonly baseUrl?: string | undefined;
  /** Bytes of one file; `label` is its name. */
  readonly onProgress?: ((done: number, total: number, label: string) => void) | undefined;
  /** Where names are looked up. Default the built-in catalogue. */
  readonly entries?: readonly CatalogueEntry[];
}

export interface FetchedDataset {
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  readonly citation: string;
  readonly homepage: string;
  /** Where its files are. */
  readonly folder: string;
  /** Files to read: those downloaded, or those taken out of an archive. */
  readonly files: readonly string[];
  /** How many files this call downloaded; 0 when all were there. */
  readonly downloaded: number;
}

/**
 * Fetches a public data set into the cache and checks its SHA-256; what is there already is checked and kept.
 *
 * @param name as {@link catalogue} has it
 * @throws InputError for a name that is not in the catalogue, and as {@link downloadFile}
 * @example const { folder } = await fetchDataset("mnist");
 */
export async function fetchDataset(name: string, options: FetchOptions = {}): Promise<FetchedDataset> {
  const { cacheDir = cacheFolder(), entries = catalogue } = options;
  const entry = catalogueEntry(name, entries);
  const folder = join(cacheDir, entry.name);
  await makeFolder(folder, { expected: "a cache that can be written, which FALLLINE_CACHE names" });
  const files: string[] = [];
  let downloaded = 0;
  for (const file of entry.files) {
    const isNew = await download(file, folder, options);
    if (isNew) downloaded++;
    if (file.members === undefined) files.push(join(folder, file.name));
    else files.push(...(await unpacked(file, file.members, folder, isNew, options.signal)));
  }
  const { title, licence, citation, homepage } = entry;
  return { name: entry.name, title, licence, citation, homepage, folder, files, downloaded };
}

/**
 * The catalogue's entry of a name, in any case and with or without hyphens (`CIFAR10` is `cifar-10`).
 *
 * @throws InputError that lists the names there are
 */
export function catalogueEntry(name: string, entries: readonly CatalogueEntry[] = catalogue): CatalogueEntry {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, "");
  const entry = entries.find((candidate) => plain(candidate.name) === plain(name));
  if (entry === undefined)
    throw new InputError(
      `there is no data set ${JSON.stringify(name)} to fetch; expected one of ${entries.map((candidate) => candidate.name).join(", ")}`,
    );
  return entry;
}

function download(file: CatalogueFile, folder: string, options: FetchOptions): Promise<boolean> {
  const { baseUrl, onProgress, entries: _, cacheDir: __, ...rest } = options;
  return downloadFile({
    ...rest,
    urls: baseUrl === undefined ? file.urls : [`${baseUrl.replace(/\/+$/, "")}/${file.name}`],
    path: join(folder, file.name),
    bytes: file.bytes,
    sha256: file.sha256,
    onProgress: onProgress && ((done, total) => onProgress(done, total, file.name)),
  });
}

async function unpacked(
  archive: CatalogueFile,
  members: NonNullable<CatalogueFile["members"]>,
  folder: string,
  isNew: boolean,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const paths = members.map((member) => join(folder, member.name));
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  );
  if (!isNew && members.every((member, i) => member.bytes === sizes[i])) return paths;
  return extractTar(join(folder, archive.name), members, folder, { signal });
}
