// Puts the page and its files where the gateway serves them from; `node build.mjs FOLDER` puts them elsewhere.
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../../src/tailrace/transports/page");

await mkdir(target, { recursive: true });
await build({
  entryPoints: [join(here, "src/main.ts")],
  outfile: join(target, "demo.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "inline",
});
await copyFile(join(here, "demo.html"), join(target, "demo.html"));
await copyFile(join(here, "demo.css"), join(target, "demo.css"));
// Socket.IO's own client for pages that load it by a script tag; its map is not served.
const client = await readFile(join(here, "node_modules/socket.io-client/dist/socket.io.min.js"), "utf8");
await writeFile(join(target, "socket.io.js"), client.replace(/^\/\/# sourceMappingURL=.*$/m, "").trimEnd() + "\n");
