/** A name server of the test's own, which misbehaves as it is told: Node's sockets, and dns-packet for the messages. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import dnsPacket, { type Answer, type DecodedPacket } from "dns-packet";
import { ownAddress } from "./_programs.ts";

/** What was asked. */
export interface Query {
  readonly bytes: Buffer;
  readonly id: number;
  readonly name: string;
  readonly type: string;
  /** The size that EDNS offers; undefined without EDNS. */
  readonly edns: number | undefined;
  readonly packet: DecodedPacket;
  /** Over UDP: from where. */
  readonly from?: RemoteInfo;
}

export interface ReplyFields {
  readonly id?: number;
  readonly rcode?: number;
  /** Such as 0x200 for TC; QR, RD and RA are set anyway. */
  readonly flags?: number;
  readonly name?: string;
  readonly type?: string;
  readonly class?: string;
  readonly questions?: 0 | 1;
  readonly answers?: readonly unknown[];
  readonly authorities?: readonly unknown[];
  readonly additionals?: readonly unknown[];
  readonly isQuery?: boolean;
}

/** The bytes of an answer to a query, right in all that is not said otherwise. */
export function reply(query: Query, fields: ReplyFields = {}): Buffer {
  const { rcode = 0, flags = 0, questions = 1, answers, isQuery = false } = fields;
  const question = {
    name: fields.name ?? query.name,
    type: (fields.type ?? query.type) as "A",
    class: (fields.class ?? "IN") as "IN",
  };
  return dnsPacket.encode({
    type: isQuery ? "query" : "response",
    id: fields.id ?? query.id,
    flags: 0x180 | flags | rcode,
    questions: questions === 1 ? [question] : [],
    answers: (answers ?? [a(query.name)]) as Answer[],
    authorities: (fields.authorities ?? []) as Answer[],
    additionals: (fields.additionals ?? []) as Answer[],
  });
}

/** An answer with one record for the name that was asked for, whatever its data. */
export function withRecord(query: Query, type: number, data: Buffer): Buffer {
  const head = Buffer.from([
    0xc0,
    12,
    type >> 8,
    type & 255,
    0,
    1,
    0,
    0,
    0,
    60,
    data.length >> 8,
    data.length & 255,
  ]);
  const message = Buffer.concat([reply(query, { answers: [] }), head, data]);
  message.writeUInt16BE(1, 6); // ANCOUNT
  return message;
}

/** An address record. */
export function a(name: string, address = "192.0.2.1"): unknown {
  return { type: "A", name, ttl: 60, data: address };
}

function read(bytes: Buffer, from?: RemoteInfo): Query {
  const packet = dnsPacket.decode(bytes);
  const [question] = packet.questions ?? [];
  const opt = packet.additionals?.find((record) => record.type === "OPT") as
    | { udpPayloadSize: number }
    | undefined;
  return {
    bytes,
    packet,
    id: packet.id ?? 0,
    name: question?.name ?? "",
    type: question?.type ?? "",
    edns: opt?.udpPayloadSize,
    ...(from === undefined ? {} : { from }),
  };
}

/** The length in front, as over TCP. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

export interface Behaviour {
  /** What it does with a datagram; nothing by default. `send` sends to the asker. */
  readonly udp?: (query: Query, send: (bytes: Buffer) => void, server: FakeServer) => unknown;
  /** What it does with a query over TCP; without it nobody listens there. */
  readonly tcp?: (query: Query, socket: Socket, server: FakeServer) => unknown;
}

export class FakeServer implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly udp: UdpSocket;
  readonly #tcp: Server | undefined;
  readonly #connections = new Set<Socket>();
  /** All that was asked, in order. */
  readonly queries: Query[] = [];
  /** How many connections there have been. */
  accepted = 0;

  private constructor(address: string, udp: UdpSocket, behaviour: Behaviour) {
    this.address = address;
    this.udp = udp;
    this.port = udp.address().port;
    udp.on("message", (bytes, from) => {
      const query = read(bytes, from);
      this.queries.push(query);
      behaviour.udp?.(query, (message) => udp.send(message, from.port, from.address), this);
    });
    const { tcp } = behaviour;
    if (tcp === undefined) return;
    this.#tcp = createServer((socket) => {
      this.#connections.add(socket);
      this.accepted++;
      let got = Buffer.alloc(0);
      socket.on("error", () => {}); // the client may go at any time
      socket.on("close", () => this.#connections.delete(socket));
      socket.on("data", (chunk) => {
        got = Buffer.concat([got, chunk]);
        while (got.length >= 2 && got.length >= 2 + got.readUInt16BE()) {
          const end = 2 + got.readUInt16BE();
          const query = read(got.subarray(2, end));
          got = got.subarray(end);
          this.queries.push(query);
          tcp(query, socket, this);
        }
      });
    });
  }

  static async start(behaviour: Behaviour): Promise<FakeServer> {
    const address = ownAddress();
    const udp = createSocket("udp4");
    udp.bind(0, address);
    await once(udp, "listening");
    const server = new FakeServer(address, udp, behaviour);
    server.#tcp?.listen(server.port, address);
    if (server.#tcp !== undefined) await once(server.#tcp, "listening");
    return server;
  }

  get server(): string {
    return `${this.address}:${this.port}`;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    this.udp.close();
    this.#tcp?.close();
    await once(this.udp, "close");
  }
}
