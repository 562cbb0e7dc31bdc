/** Runs commands in a mount and network namespace of their own, where /etc/hosts and the name server are the test's. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Whoever is not root gets a user namespace too, where the system allows it. */
const UNSHARE = process.getuid?.() === 0 ? ["-m", "-n"] : ["-U", "-r", "-m", "-n"];

function whyNot(): string | false {
  if (spawnSync("unshare", ["--version"]).status !== 0) return "unshare is not installed";
  if (spawnSync("ip", ["-V"]).status !== 0) return "ip is not installed";
  if (!existsSync("/etc/hosts") || !existsSync("/etc/resolv.conf"))
    return "no /etc/hosts or no /etc/resolv.conf";
  if (!existsSync("/etc/nsswitch.conf")) return "no /etc/nsswitch.conf: not glibc";
  const probe = spawnSync("unshare", [...UNSHARE, "mount", "--bind", "/etc/hosts", "/etc/hosts"]);
  return probe.status === 0 ? false : "neither root nor user namespaces";
}

/** For `test(name, needsNamespace, …)`. */
export const needsNamespace = { skip: whyNot() };

/** What the namespace has instead of the machine's own. */
export interface NamespaceFiles {
  readonly hosts?: string;
  /** With `dns: true` in force only. */
  readonly resolvConf?: string;
  /** Whether names that are not in the hosts file are asked of the name server; else there is none at all. */
  readonly dns?: boolean;
}

export interface Result {
  readonly status: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The interfaces of the namespace: loopback, and one named as VLANs are, with addresses of several kinds. */
const INTERFACES = `
ip link set lo up
ip link add eth0.100 type veth peer name peer0
ip link set eth0.100 up
ip link set peer0 up
ip addr add 192.0.2.1/24 dev eth0.100
ip addr add 2001:db8::1/64 dev eth0.100 nodad
ip addr add fd00::1/64 dev eth0.100 nodad
`;

/**
 * Runs a shell script there, with `input` on its standard input. `$NODE_TS` starts a TypeScript file.
 * It is killed after 25 s, which only a hang takes.
 */
export async function inNamespace(
  script: string,
  files: NamespaceFiles = {},
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "windsock-names-"));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const binds = [
    [write("hosts", files.hosts ?? "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"), "/etc/hosts"],
    [write("resolv.conf", files.resolvConf ?? "nameserver 127.0.0.1\n"), "/etc/resolv.conf"],
    [
      write("nsswitch.conf", `hosts: files${files.dns ? " dns" : ""}\nservices: files\nprotocols: files\n`),
      "/etc/nsswitch.conf",
    ],
  ];
  const whole = [
    "set -e",
    ...binds.map(([from, to]) => `mount --bind '${from}' ${to}`),
    INTERFACES,
    "set +e",
    script,
  ].join("\n");
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn("unshare", [...UNSHARE, "sh", "-c", whole], {
        cwd: ROOT,
        env: { ...process.env, NODE_TS: `${process.execPath} --import tsx`, FOLDER: folder, ...env },
        detached: true, // a process group of its own, so that nothing of it outlives the test
      });
      const deadline = setTimeout(() => process.kill(-(child.pid as number), "SIGKILL"), 25_000);
      let [stdout, stderr] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text) => {
        stderr += text;
      });
      child.stdin.on("error", () => undefined).end(input);
      child.once("error", reject);
      child.once("close", (status, signal) => {
        clearTimeout(deadline);
        resolve({ status: status ?? undefined, signal: signal ?? undefined, stdout, stderr });
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
