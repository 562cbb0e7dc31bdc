/** Real name servers of the tests' own: unbound and dnsmasq on loopback addresses that no other process uses. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** For `skip`: why a program is missing, or false. */
export function missing(...programs: readonly string[]): string | false {
  // Debian's servers stand in /usr/sbin, which is not in every user's PATH.
  const gone = programs.filter(
    (program) => spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${program}`]).status !== 0,
  );
  return gone.length === 0 ? false : `${gone.join(", ")}: not installed`;
}

let addresses = 0;

/** A loopback address of this process, another one each time. */
export function ownAddress(): string {
  const pid = process.pid;
  return `127.${64 + ((pid >> 13) & 63)}.${(pid >> 5) & 255}.${((pid & 31) << 3) + 1 + (addresses++ % 7)}`;
}

/** A server that runs until it is disposed of. */
export class ServerProgram implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Over TLS, where it has that. */
  readonly tlsPort: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<void>;
  #log = "";

  private constructor(command: string, args: string[], at: { address: string; folder: string }) {
    this.address = at.address;
    this.port = PORT;
    this.tlsPort = TLS_PORT;
    this.#folder = at.folder;
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    this.#child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    this.#exited = new Promise((resolve) => {
      this.#child.once("close", () => resolve());
      this.#child.once("error", () => resolve());
    });
  }

  /** What it has said so far. */
  get log(): string {
    return this.#log;
  }

  get server(): string {
    return `${this.address}:${this.port}`;
  }

  /** Waits until it says that it runs. */
  #running(pattern: RegExp): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        this.#log += text;
        if (pattern.test(this.#log)) resolve(this);
      });
      this.#exited.then(() => reject(new Error(`it ended: ${this.#log}`)));
    });
  }

  /** @param zone records of `example.test`, in the format of zone files; @param config more lines of configuration */
  static async unbound(zone: string, config = ""): Promise<ServerProgram> {
    const at = { address: ownAddress(), folder: mkdtempSync(join(tmpdir(), "windsock-unbound-")) };
    const file = (name: string, text: string): string => {
      writeFileSync(join(at.folder, name), text);
      return join(at.folder, name);
    };
    const path = file(
      "unbound.conf",
      `server:
  directory: "${at.folder}"
  interface: ${at.address}@${PORT}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  so-rcvbuf: 1m
  local-zone: "test." nodefault
${config.replaceAll("$ADDRESS", at.address).replaceAll("$FOLDER", at.folder)}
auth-zone:
  name: example.test.
  zonefile: "${file("zone", `$ORIGIN example.test.\n$TTL 300\n${zone}`)}"
  for-downstream: yes
  for-upstream: no
remote-control:
  control-enable: no
`,
    );
    return new ServerProgram("unbound", ["-d", "-c", path], at).#running(/start of service/);
  }

  static async dnsmasq(...args: readonly string[]): Promise<ServerProgram> {
    const at = { address: ownAddress(), folder: mkdtempSync(join(tmpdir(), "windsock-dnsmasq-")) };
    const fixed = ["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"];
    const own = [`--port=${PORT}`, `--listen-address=${at.address}`, "--pid-file="];
    return new ServerProgram("dnsmasq", [...fixed, ...own, ...args], at).#running(/started, version/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGTERM");
    await this.#exited;
    rmSync(this.#folder, { recursive: true });
  }
}

const PORT = 5335;
const TLS_PORT = 8853;
