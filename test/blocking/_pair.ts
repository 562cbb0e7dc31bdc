/** Connected pairs of blocking sockets on one thread, and what fails as expected. */
import assert from "node:assert/strict";
import { SysError, TcpListener, TcpStream, TimeoutError } from "../../src/blocking/index.ts";

export interface Pair extends Disposable {
  readonly client: TcpStream;
  readonly server: TcpStream;
}

/** A connected TCP pair on loopback: the kernel finishes the handshake before anybody accepts. */
export function tcpPair(at = "127.0.0.1:0"): Pair {
  using listener = TcpListener.bind(at);
  const client = TcpStream.connect(listener.localAddr, { timeoutMs: 10_000 });
  const server = listener.accept({ timeoutMs: 10_000 });
  return {
    client,
    server,
    [Symbol.dispose]() {
      client.close();
      server.close();
    },
  };
}

/** Matches a SysError by code, and by syscall where given, for assert.throws. */
export function sysError(code: string, syscall?: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof SysError) || error.code !== code) throw error;
    if (syscall !== undefined && error.syscall !== syscall) throw error;
    return true;
  };
}

/** Matches a TimeoutError of this call and time. */
export function timeout(syscall: string, timeoutMs: number): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof TimeoutError)) throw error;
    assert.deepEqual([error.syscall, error.timeoutMs, error.code], [syscall, timeoutMs, "TIMEOUT"]);
    return true;
  };
}
