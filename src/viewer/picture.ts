/** The chapter's picture: program, send buffer, wire, receive buffer, program. */
import type { QuantityName } from "../observe/index.ts";
import { Bar } from "./bar.ts";
import { allowanceOf, receiveBufferOf, sendBufferOf } from "./buffers.ts";
import { byId, make, setAttribute, setData, setText } from "./dom.ts";
import { type Flow, grownAt, rateAt } from "./flow.ts";
import { bytesText, countText, microsText, millisText, plural, rateText } from "./format.ts";
import { lookOf } from "./reasons.ts";
import { isStill } from "./theme.ts";
import type { EndAt, Track } from "./track.ts";
import { Wire } from "./wire.ts";

/** Reasons are said no closer to each other. */
const SAID_AFTER_MS = 1500;

type Fact = readonly [label: string, name: QuantityName, text: (flow: Flow) => string];

const of =
  (name: QuantityName, text: (value: number | undefined) => string) =>
  ({ sender }: Flow): string =>
    text(sender?.get(name));

const FACTS: readonly Fact[] = [
  [
    "round-trip time",
    "rttUs",
    ({ sender }) => `${microsText(sender?.get("rttUs"))} ± ${microsText(sender?.get("rttVarianceUs"))}`,
  ],
  ["acknowledged", "ackedBytes", of("ackedBytes", bytesText)],
  ["data segments sent", "sentSegments", of("sentSegments", countText)],
  [
    "segment size",
    "mssBytes",
    of("mssBytes", (value) => (value === undefined ? "–" : `${countText(value)} B`)),
  ],
  [
    "congestion window",
    "congestionWindowSegments",
    of("congestionWindowSegments", (value) => (value === undefined ? "–" : plural(value, "segment"))),
  ],
  [
    "slow start threshold",
    "slowStartThresholdSegments",
    ({ sender }) => {
      const value = sender?.get("slowStartThresholdSegments");
      if (value !== undefined) return plural(value, "segment");
      return sender?.get("congestionWindowSegments") === undefined ? "–" : "none yet";
    },
  ],
  [
    "retransmitted",
    "retransmittedSegments",
    of("retransmittedSegments", (value) => (value === undefined ? "–" : plural(value, "segment"))),
  ],
  ["timeout", "retransmissionTimeoutUs", of("retransmissionTimeoutUs", microsText)],
  ["delivery rate", "deliveryBytesPerSecond", of("deliveryBytesPerSecond", rateText)],
];

export class Picture {
  readonly #root = byId("picture");
  readonly #wire = new Wire(byId("wire"), byId("lanes", HTMLCanvasElement));
  readonly #sendBar = new Bar(byId("send-buffer"), {
    title: "Send buffer",
    parts: [
      { name: "free", label: "free" },
      { name: "overhead", label: "overhead" },
      { name: "not-sent", label: "not sent" },
      { name: "in-flight", label: "in flight" },
    ],
  });
  readonly #receiveBar = new Bar(byId("receive-buffer"), {
    title: "Receive buffer",
    parts: [
      { name: "free", label: "free" },
      { name: "overhead", label: "overhead" },
      { name: "not-read", label: "not read" },
    ],
    bracket: { name: "window", label: "window", before: "overhead" },
  });
  readonly #allowance = new Bar(byId("allowance"), {
    title: "Window that the sender sees",
    parts: [
      { name: "left", label: "left" },
      { name: "used", label: "used" },
    ],
  });
  readonly #mark = make("div", { class: "mark" });
  readonly #markText = make("b");
  readonly #facts = new Map<QuantityName, HTMLElement>();
  #texts: Readonly<Record<string, string>> = {};
  #saying = "";
  #sayTimer: number | undefined;
  #saidMs = Number.NEGATIVE_INFINITY;
  #sentOff: string | undefined;

  constructor() {
    byId("allowance").querySelector(".bar-track")?.append(this.#mark);
    byId("allowance")
      .querySelector(".legend")
      ?.append(
        make("li", {}, make("i", { class: "swatch mark-swatch" }), "congestion window ", this.#markText),
      );
    const facts = byId("facts");
    for (const [label, name] of FACTS) {
      const value = make("dd");
      facts.append(make("div", {}, make("dt", {}, label), value));
      this.#facts.set(name, value);
    }
  }

  /** A sentence for each reason. */
  setTexts(texts: Readonly<Record<string, string>>): void {
    this.#texts = texts;
  }

  restyle(): void {
    this.#wire.restyle();
  }

  /** @param moves whether this is the newest moment of a connection that is there */
  draw(track: Track, flow: Flow, quantities: readonly QuantityName[], moves: boolean): void {
    const { index, sender, receiver } = flow;
    setData(this.#root, {
      elapsedMs: index < 0 ? undefined : track.elapsedMs(index),
      connection: track.id,
      index,
      samples: track.length,
    });
    this.#drawEnd("sender", flow.from, sender, quantities);
    this.#drawEnd("receiver", flow.to, receiver, quantities);
    this.#drawReason(track, flow);
    this.#drawPrograms(track, flow);
    this.#drawBuffers(track, flow);
    this.#drawWire(track, flow, moves);
    for (const [, name, text] of FACTS) {
      const value = this.#facts.get(name);
      if (value === undefined) continue;
      setText(value, text(flow));
      setData(value, { value: sender?.get(name) });
    }
  }

  #drawEnd(
    side: "sender" | "receiver",
    address: string,
    end: EndAt | undefined,
    names: readonly QuantityName[],
  ): void {
    const root = byId(side);
    setText(byId(`${side}-address`), address || "–");
    const holders = end?.holders.map(({ pid, command }) => `${safeText(command)} [${pid}]`).join(", ");
    setText(
      byId(`${side}-state`),
      end === undefined ? "" : [end.state, holders].filter((text) => text).join(" · "),
    );
    setAttribute(root, "data-there", end !== undefined);
    setData(root, { id: end?.id, state: end?.state, waiting: end?.waiting, waitingMs: end?.waitingMs });
    setData(root, Object.fromEntries(names.map((name) => [name, end?.get(name)])));
  }

  #drawReason(track: Track, { senderId, sender, receiver }: Flow): void {
    const root = byId("reason");
    const reason = sender?.waiting;
    const text =
      reason !== undefined ? (this.#texts[reason] ?? reason) : absentText(track, senderId, receiver);
    setText(byId("reason-text"), text);
    setText(byId("reason-for"), waitedText(sender));
    setData(root, { reason });
    root.style.setProperty(
      "--colour",
      reason === undefined ? "var(--quiet)" : `var(${lookOf(reason).colour})`,
    );
    if (track.length > 0) this.#say(text);
  }

  /** For who listens. A reason that came and went meanwhile is not said. */
  #say(text: string): void {
    this.#saying = text;
    this.#sayTimer ??= window.setTimeout(
      () => {
        this.#sayTimer = undefined;
        this.#saidMs = performance.now();
        setText(byId("reason-said"), this.#saying);
      },
      Math.max(0, this.#saidMs + SAID_AFTER_MS - performance.now()),
    );
  }

  #drawPrograms(track: Track, { index, senderId, receiverId, sender, receiver }: Flow): void {
    setText(byId("written"), bytesText(sender?.get("writtenBytes")));
    setText(byId("read"), bytesText(receiver?.get("readBytes")));
    const written = rateAt(track, senderId, "writtenBytes", index);
    const read = rateAt(track, receiverId, "readBytes", index);
    setText(byId("written-rate"), sender === undefined ? "" : rateText(written));
    setText(byId("read-rate"), receiver === undefined ? "" : rateText(read));
    setData(byId("written"), { bytes: sender?.get("writtenBytes"), rate: written });
    setData(byId("read"), { bytes: receiver?.get("readBytes"), rate: read });
  }

  #drawBuffers(track: Track, flow: Flow): void {
    const send = sendBufferOf(flow);
    this.#sendBar.draw(
      send && {
        "in-flight": send.inFlightBytes,
        "not-sent": send.notSentBytes,
        overhead: send.overheadBytes,
        free: send.freeBytes,
      },
      send?.totalBytes ?? 0,
      missingText(track, flow.senderId),
    );
    const receive = receiveBufferOf(flow);
    this.#receiveBar.draw(
      receive && {
        "not-read": receive.notReadBytes,
        overhead: receive.overheadBytes,
        free: receive.freeBytes,
        window: receive.windowBytes,
      },
      receive?.totalBytes ?? 0,
      missingText(track, flow.receiverId),
    );
    const allowance = allowanceOf(flow, track);
    this.#allowance.draw(
      allowance && { used: allowance.usedBytes, left: allowance.leftBytes },
      allowance?.scaleBytes ?? 0,
      "",
    );
    const total = byId("allowance").querySelector(".total");
    if (total !== null) setText(total, bytesText(allowance?.windowBytes));
    const mark = allowance?.congestionWindowBytes;
    const share = mark === undefined || allowance === undefined ? undefined : mark / allowance.scaleBytes;
    this.#mark.hidden = share === undefined || share > 1;
    this.#mark.style.right = `${Math.min(1, share ?? 0) * 100}%`;
    setData(this.#mark, { bytes: mark });
    setText(this.#markText, bytesText(mark));
    setData(byId("allowance"), { windowBytes: allowance?.windowBytes });
  }

  #drawWire(track: Track, flow: Flow, moves: boolean): void {
    const { index, senderId, receiverId, sender, receiver } = flow;
    const segments =
      sender === undefined
        ? grownAt(track, receiverId, "receivedSegments", index)
        : grownAt(track, senderId, "sentSegments", index);
    const retransmitted = grownAt(track, senderId, "retransmittedSegments", index);
    const ackedBytes = grownAt(track, senderId, "ackedBytes", index);
    const window = sender?.get("windowSeenBytes") ?? receiver?.get("windowAdvertisedBytes");
    setData(byId("wire"), { segments, retransmitted, ackedBytes, windowBytes: window });
    setText(
      byId("lane-out"),
      retransmitted > 0
        ? `${plural(segments, "segment")}, ${countText(retransmitted)} again`
        : plural(segments, "segment"),
    );
    setText(
      byId("lane-back"),
      `${ackedBytes > 0 ? `ack ${bytesText(ackedBytes)}, ` : ""}window ${bytesText(window)}`,
    );
    if (!moves || isStill()) {
      this.#sentOff = undefined;
      this.#wire.stand(sender?.get("inFlightSegments") ?? 0);
      return;
    }
    const moment = `${track.id} ${track.elapsedMs(index)}`;
    if (moment === this.#sentOff) return;
    this.#sentOff = moment;
    const seconds = index < 1 ? 0 : track.x(index) - track.x(index - 1);
    this.#wire.send({ segments, retransmitted, acked: ackedBytes > 0, closed: window === 0, seconds });
  }
}

/** Why nothing is known of what the sender waits for. */
function absentText(track: Track, senderId: string | undefined, receiver: EndAt | undefined): string {
  if (track.length === 0) return track.id === "" ? "No connection yet." : "Waiting for the first sample.";
  if (receiver === undefined) return "The connection is not there at this moment.";
  return isKnown(track, senderId)
    ? "The sending end is not there at this moment."
    : "The sender is on another machine: what it waits for is known there.";
}

/** Why nothing is known of an end. */
function missingText(track: Track, id: string | undefined): string {
  if (track.length === 0) return "";
  return isKnown(track, id) ? "Not there at this moment." : "Not on this machine, or not observed.";
}

function isKnown(track: Track, id: string | undefined): boolean {
  return id !== undefined && track.addresses(id) !== undefined;
}

/** 0 is a reason that is seen for the first time. */
function waitedText(sender: EndAt | undefined): string {
  if (sender === undefined) return "";
  return sender.waitingMs === 0 ? "just now" : `seen for ${millisText(sender.waitingMs)}`;
}

/** A name that somebody else chose, without what would turn or hide the text around it. */
function safeText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
}
