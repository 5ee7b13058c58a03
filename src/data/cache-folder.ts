import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/**
 * Where fetched data sets are kept: `FALLLINE_CACHE`, or the system's place for caches (XDG_CACHE_HOME or ~/.cache on
 * Linux, ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows) with a folder `fallline` in it.
 */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  const { FALLLINE_CACHE: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  if (own) return resolve(own);
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "fallline");
  if (platform === "win32") return join(local || join(homedir(), "AppData", "Local"), "fallline", "Cache");
  // The XDG specification says to ignore relative paths.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "fallline");
}
