// Builds the package once before the end-to-end tests, which start the built command as a user would.
import { execFileSync } from "node:child_process";

export default function build(): void {
  execFileSync("npm", ["run", "--silent", "build"], {
    cwd: new URL("..", import.meta.url),
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
}
