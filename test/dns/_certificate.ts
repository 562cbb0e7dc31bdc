/** A key and a self-signed certificate of the test's own, by openssl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: string;
  readonly cert: string;
  remove(): void;
}

/** @param names such as `DNS:dns.test` or `IP:127.0.0.1` */
export function selfSigned(...names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "windsock-cert-"));
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  const cert = [
    "-out",
    certFile,
    "-days",
    "2",
    "-subj",
    "/CN=test",
    "-addext",
    `subjectAltName=${names.join(",")}`,
  ];
  execFileSync("openssl", ["req", "-x509", ...key, ...cert], { stdio: "ignore" });
  return {
    keyFile,
    certFile,
    key: readFileSync(keyFile, "utf8"),
    cert: readFileSync(certFile, "utf8"),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
