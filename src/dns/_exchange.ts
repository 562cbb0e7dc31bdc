/** One query to one server: sent, and waited for until its answer comes. */
import { TcpStream, UdpSocket } from "../socket/index.ts";
import type { Codec } from "./_codec.ts";
import { decodeMessage, isTruncated, type Message, mismatch, type Query } from "./_message.ts";
import { MalformedError } from "./_name.ts";
import type { DnsTransport, Server } from "./_server.ts";
import { TlsChannel } from "./_tls.ts";
import type { Deadline } from "./_wait.ts";

/** What a query needs besides its bytes. */
export interface Exchange {
  readonly codec: Codec;
  readonly query: Query;
  /** See `mismatch`. */
  readonly exactCase: boolean;
  readonly deadline: Deadline;
  /** Told of each message that is not the answer, and why. */
  readonly onStray: (reason: string) => void;
}

/** An answer as it came. */
export interface Answer {
  readonly message: Message;
  readonly bytes: Uint8Array;
}

/** The answer over UDP says that it is not whole. */
export class TruncatedError extends Error {
  override readonly name = "TruncatedError";
}

/**
 * @throws {TruncatedError} over UDP
 * @throws what the socket throws; it is closed then
 */
export function exchange(server: Server, transport: DnsTransport, what: Exchange): Promise<Answer> {
  return transport === "udp" ? overUdp(server, what) : overStream(server, transport, what);
}

/**
 * A new socket each time: the kernel gives it a random port, which is most of what a forger has to guess (RFC 5452
 * §9.2). It is connected, so that nothing reaches it but what bears the server's address and port, and ICMP's
 * "port unreachable" fails it at once.
 */
async function overUdp(server: Server, what: Exchange): Promise<Answer> {
  using socket = await UdpSocket.connect(server.address, what.deadline.left);
  await socket.send(what.query.bytes, what.deadline.left);
  for (;;) {
    const { data } = await socket.recv(what.deadline.left);
    const answer = accept(data, what, true);
    if (answer !== undefined) return answer;
    what.deadline.check("recv");
  }
}

/** Bytes in order, each way, as TCP and TLS have it. */
interface Channel {
  writeAll(bytes: Uint8Array, options: Deadline["left"]): Promise<void>;
  readExact(buffer: Uint8Array, options: Deadline["left"]): Promise<void>;
  close(): void;
}

/** RFC 1035 §4.2.2: each message is preceded by its length. */
async function overStream(server: Server, transport: "tcp" | "tls", what: Exchange): Promise<Answer> {
  const { deadline } = what;
  const channel: Channel =
    transport === "tcp"
      ? await TcpStream.connect(server.address, deadline.left)
      : await TlsChannel.connect(server, deadline);
  try {
    const { length } = what.query.bytes;
    const framed = new Uint8Array(2 + length);
    framed.set([length >> 8, length & 0xff]);
    framed.set(what.query.bytes, 2);
    await channel.writeAll(framed, deadline.left); // both in one segment, RFC 7766 §8
    for (;;) {
      const head = new Uint8Array(2);
      await channel.readExact(head, deadline.left);
      const bytes = new Uint8Array(((head[0] as number) << 8) | (head[1] as number));
      if (bytes.length > 0) await channel.readExact(bytes, deadline.left);
      const answer = accept(bytes, what, false);
      if (answer !== undefined) return answer;
      deadline.check("recv");
    }
  } finally {
    channel.close();
  }
}

/** @returns the answer, or `undefined` for what is not the answer to this query, or is no message at all */
function accept(bytes: Uint8Array, what: Exchange, datagram: boolean): Answer | undefined {
  const reason = mismatch(what.query, bytes, what.exactCase);
  if (reason !== undefined) {
    what.onStray(reason);
    return undefined;
  }
  if (datagram && isTruncated(bytes)) throw new TruncatedError("the answer is truncated");
  try {
    return { message: decodeMessage(what.codec, bytes), bytes };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    what.onStray(`malformed: ${error.message}`);
    return undefined;
  }
}
