/** Certificates for tests of TLS, made by openssl: a self-signed one for localhost, and one for somebody else. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const noOpenssl: string | false =
  spawnSync("openssl", ["version"]).status === 0 ? false : "needs openssl to make certificates";

export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate for these names, good for two days. */
export function identity(commonName: string, alternatives: string): Identity {
  const folder = mkdtempSync(join(tmpdir(), "windsock-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", `/CN=${commonName}`, "-addext", `subjectAltName=${alternatives}`];
    const made = spawnSync(
      "openssl",
      ["req", "-x509", ...curve, "-keyout", key, "-out", cert, "-days", "2", ...names],
      { encoding: "utf8" },
    );
    if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const none: Identity = { key: "", cert: "" };
export const LOCALHOST: Identity = noOpenssl ? none : identity("localhost", "DNS:localhost,IP:127.0.0.1");
export const SOMEBODY_ELSE: Identity = noOpenssl ? none : identity("elsewhere.test", "DNS:elsewhere.test");
