/** A PostgreSQL server of a test's own: a new cluster in a temporary folder, TCP on loopback with TLS, and a local socket. */
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../cli/_cli.ts";
import { LOCALHOST, noOpenssl } from "./_certificates.ts";
import { service, temporaryFolder } from "./_service.ts";

/** Debian keeps the server's programs out of PATH. */
function programs(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .sort((a, b) => b - a)
    : [];
  const folders = [
    ...versions.map((version) => join(root, String(version), "bin")),
    ...(process.env.PATH ?? "").split(":"),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** PostgreSQL does not run as root. */
function user(): { readonly uid: number; readonly gid: number } | undefined | "missing" {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout || Number.NaN);
  const [uid, gid] = [id("-u"), id("-g")];
  return Number.isNaN(uid) || Number.isNaN(gid) ? "missing" : { uid, gid };
}

const found = programs();
export const noPostgres: string | false =
  found === undefined
    ? "needs PostgreSQL's initdb and postgres"
    : user() === "missing"
      ? "PostgreSQL does not run as root, and there is no user postgres"
      : noOpenssl;

export interface Postgres extends AsyncDisposable {
  readonly port: number;
  /** The folder of its local socket. */
  readonly folder: string;
  readonly user: string;
  readonly password: string;
}

export async function postgres(): Promise<Postgres> {
  const folder = temporaryFolder("postgres");
  const runAs = user();
  if (found === undefined || runAs === "missing") throw new Error(String(noPostgres));
  const data = join(folder.path, "data");
  const password = "über geheim";
  const write = (name: string, text: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, text, { mode: 0o600 });
    if (runAs !== undefined) chownSync(path, runAs.uid, runAs.gid);
    return path;
  };
  const [passwordFile, key, cert] = [
    write("password", password),
    write("key.pem", LOCALHOST.key),
    write("cert.pem", LOCALHOST.cert),
  ];
  mkdirSync(data);
  if (runAs !== undefined) for (const path of [folder.path, data]) chownSync(path, runAs.uid, runAs.gid);
  const initialised = spawnSync(
    join(found, "initdb"),
    [
      "-D",
      data,
      "-U",
      "tester",
      "-A",
      "scram-sha-256",
      `--pwfile=${passwordFile}`,
      "-E",
      "UTF8",
      "--no-locale",
      "--no-sync",
    ],
    { encoding: "utf8", cwd: folder.path, ...runAs },
  );
  if (initialised.status !== 0) throw new Error(`initdb: ${initialised.stdout}${initialised.stderr}`);
  const port = await freePort();
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: folder.path,
    fsync: "off",
    ssl: "on",
    ssl_key_file: key,
    ssl_cert_file: cert,
  };
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const options = { user: runAs, cwd: folder.path, signal: "SIGQUIT" } as const; // at once, whoever is connected
  const running = await service(join(found, "postgres"), args, /ready to accept connections/, options);
  return {
    port,
    folder: folder.path,
    user: "tester",
    password,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
