/** A Redis server of a test's own, on a port of loopback and a local socket, which saves nothing. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../cli/_cli.ts";
import { service, temporaryFolder } from "./_service.ts";

export const noRedis: string | false =
  spawnSync("redis-server", ["--version"]).status === 0 ? false : "needs redis-server";

export interface Redis extends AsyncDisposable {
  readonly port: number;
  /** Its local socket. */
  readonly path: string;
}

export async function redis(port?: number): Promise<Redis> {
  const folder = temporaryFolder("redis");
  const path = join(folder.path, "redis.sock");
  const number = port ?? (await freePort());
  const settings = [
    "--save",
    "",
    "--appendonly",
    "no",
    "--bind",
    "127.0.0.1",
    "--unixsocket",
    path,
    "--dir",
    folder.path,
  ];
  const running = await service(
    "redis-server",
    ["--port", `${number}`, ...settings],
    /eady to accept connections/,
  );
  return {
    port: number,
    path,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
