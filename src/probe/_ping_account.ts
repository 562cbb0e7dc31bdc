/** What a ping session counts and tells of each request: its reply, its errors, that nothing came. */
import { type IpAddr, SocketAddr, type Zone } from "../ip/index.ts";
import { DatagramTooLargeError, type SysError } from "../socket/index.ts";
import { realtimeNs } from "../sys/index.ts";
import { type Moment, receivedAt, unixMsOf } from "./_clock.ts";
import type { Heard, HeardError, HeardReply } from "./_echo.ts";
import type { EventQueue } from "./_event_queue.ts";
import { icmpWords } from "./_icmp_words.ts";
import { EchoPayload } from "./_payload.ts";
import type { PingSettings } from "./_ping_options.ts";
import { type EchoRequest, EchoRequests } from "./_requests.ts";
import type { Tally } from "./_statistics.ts";
import type { PingEvent } from "./ping_event.ts";

/** ICMP's source quench and redirect: the request goes its way all the same. */
const NOTICES: readonly number[] = [4, 5];

const same = (ip: IpAddr, address: SocketAddr): boolean => ip.compare(address.ip) === 0;

/** A link-local address of whom the kernel tells no zone is in that of the target. */
function withZone(address: SocketAddr | undefined, zone: Zone | undefined): SocketAddr | undefined {
  if (address?.ip.version !== 6 || !address.ip.isUnicastLinkLocal) return address;
  return SocketAddr.of(address.ip, 0, { zone: address.zone ?? zone });
}

/** The account of a session that runs. */
export class PingAccount {
  readonly tally: Tally;
  readonly requests: EchoRequests;
  readonly payload: EchoPayload;
  /** How many requests were replied to, or came back as errors. */
  answers = 0;
  readonly #queue: EventQueue<PingEvent>;
  readonly #sizeBytes: number;
  readonly #report: PingSettings["report"];
  readonly #target: SocketAddr;
  /** Whether others than the target are to reply. */
  readonly #group: boolean;

  constructor(settings: PingSettings, target: SocketAddr, tally: Tally, queue: EventQueue<PingEvent>) {
    const { timeoutMs, sizeBytes, pattern, broadcast, report } = settings;
    this.tally = tally;
    this.requests = new EchoRequests(timeoutMs);
    this.payload = new EchoPayload(sizeBytes, pattern);
    this.#queue = queue;
    this.#sizeBytes = sizeBytes;
    this.#report = report;
    this.#target = target;
    this.#group = target.ip.isMulticast || broadcast === true;
  }

  /** The next request is about to go: tells that the last one has no reply, where that is asked for. */
  beforeSending(unixMs: number): void {
    const { last } = this.requests;
    if (last === undefined || last.replied || !this.#report?.includes("outstanding")) return;
    this.#queue.push({ kind: "outstanding", sequence: last.sequence, unixMs });
  }

  /** @param refused why this host has not sent it */
  sent(sentMs: number, timeNs: bigint, refused: SysError | undefined): void {
    this.tally.transmitted++;
    const request = this.requests.add(sentMs, timeNs);
    const { sequence } = request;
    const unixMs = unixMsOf(timeNs);
    if (refused !== undefined) this.#refuse(request, refused, unixMs);
    else if (this.#report?.includes("sent")) this.#queue.push({ kind: "sent", sequence, unixMs });
  }

  #refuse(request: EchoRequest, error: SysError, unixMs: number): void {
    const ipv4 = this.#target.family === "ipv4";
    const tooLong = error instanceof DatagramTooLargeError;
    const mtu = tooLong ? error.maxBytes + (ipv4 ? 20 : 40) : undefined;
    const why = tooLong ? `message too long, mtu${ipv4 ? "=" : ": "}${mtu}` : error.message;
    const { sequence } = request;
    this.#settle(request);
    this.tally.errors++;
    const nobody = { from: undefined, type: undefined, code: undefined };
    const text = `local error: ${why}`;
    this.#queue.push({ kind: "error", origin: "local", sequence, unixMs, ...nobody, mtu, text, error });
  }

  /** Nothing has come, and nobody waits for it any more. */
  giveUp(request: EchoRequest): void {
    if (!this.requests.settle(request)) return;
    this.#queue.push({ kind: "timeout", sequence: request.sequence, unixMs: unixMsOf(realtimeNs()) });
  }

  #settle(request: EchoRequest): void {
    this.requests.settle(request);
    if (!request.answered) this.answers++;
    request.answered = true;
  }

  /** Takes in what has come. @returns whether it is about a request of this session */
  hear(heard: Heard): boolean {
    const request = this.requests.find(heard.sequence);
    if (request === undefined) return false;
    const moment = receivedAt(heard.timestampNs, request.sentMs);
    if (heard.kind === "error") return this.#hearError(heard, request, moment);
    this.#hearReply(heard, request, moment);
    return true;
  }

  #notePipe({ sequence }: EchoRequest): void {
    const onTheWay = this.requests.sent - sequence + 1;
    if (onTheWay <= 0x8000) this.tally.pipe = Math.max(this.tally.pipe, onTheWay);
  }

  #hearReply(heard: HeardReply, request: EchoRequest, { atMs, unixMs }: Moment): void {
    const { from, ttl, payload, intact } = heard;
    const { sequence, sentMs, timeNs } = request;
    const { tally } = this;
    const rttMs = atMs - sentMs;
    const duplicate = request.replied;
    if (!intact) tally.corrupted++;
    else {
      this.#notePipe(request);
      tally.time(rttMs);
      if (duplicate) tally.duplicates++;
      else tally.received++;
      request.replied = true;
      this.#settle(request);
    }
    const truncated = payload.length < this.#sizeBytes;
    const damage = this.payload.compare(payload, timeNs);
    const differentAddress = !this.#group && !same(from.ip, this.#target);
    const lengthBytes = payload.length + 8;
    const about = { sequence, unixMs, from, differentAddress, ttl, rttMs, lengthBytes };
    this.#queue.push({ kind: "reply", ...about, duplicate, truncated, damage, intact });
  }

  #hearError(heard: HeardError, request: EchoRequest, { unixMs }: Moment): boolean {
    const { type, code, info, destination } = heard;
    if (destination !== undefined && !same(destination, this.#target)) return false;
    const from = withZone(heard.from, this.#target.zone);
    const { family } = this.#target;
    const text = icmpWords(family, type, code, info);
    const { sequence } = request;
    if (family === "ipv4" && NOTICES.includes(type)) {
      this.#queue.push({ kind: "notice", sequence, unixMs, from, type, code, text });
      return true;
    }
    this.#notePipe(request);
    this.tally.errors++;
    this.#settle(request);
    const tooBig = family === "ipv4" ? type === 3 && code === 4 : type === 2;
    const mtu = tooBig ? info : undefined;
    this.#queue.push({ kind: "error", origin: "icmp", sequence, unixMs, from, type, code, mtu, text });
    return true;
  }
}
