/** Samples from what JSON.parse gives of a line, whoever wrote that: only what a sample has is taken over. */
import { blankEnd, type Draft } from "./_draft.ts";
import type { EndSample, Holder } from "./end_sample.ts";
import { QUANTITIES, type QuantityName } from "./quantities.ts";
import type { EndedEnd, Sample } from "./sample.ts";
import { WAIT_REASONS, type WaitReason } from "./waiting.ts";

/** Says what is wrong with a value, or gives it. */
class Refused extends Error {}

type Fields = Readonly<Record<string, unknown>>;

const QUANTITY_NAMES = Object.keys(QUANTITIES) as QuantityName[];
const REASONS: ReadonlySet<unknown> = new Set(WAIT_REASONS);
const ID = /^[\w.-]{1,64}$/;
const ADDRESS = /^[\w.:%[\]-]{1,128}$/;
const STATE = /^[a-z\d-]{1,32}$/;
/** So many different texts are kept, so that an hour of samples does not have each of them thousands of times. */
const TEXTS_MAX = 50_000;

export class SampleParser {
  readonly #texts = new Map<string, string>();
  #lastMs = 0;

  /** @returns a sample, or a sentence that says what is wrong */
  sample(value: unknown): Sample | string {
    try {
      return this.#sample(fieldsOf(value, "the line"));
    } catch (error) {
      if (error instanceof Refused) return error.message;
      throw error;
    }
  }

  #sample(fields: Fields): Sample {
    const elapsedMs = count(fields, "elapsedMs");
    if (elapsedMs < this.#lastMs) throw new Refused(`elapsedMs: ${elapsedMs} after ${this.#lastMs}`);
    this.#lastMs = elapsedMs;
    return {
      at: moment(fields),
      elapsedMs,
      missed: count(fields, "missed"),
      ends: listOf(fields, "ends").map((end) => this.#end(fieldsOf(end, "ends"))),
      ended: listOf(fields, "ended").map((end) => this.#ended(fieldsOf(end, "ended"))),
    };
  }

  #end(fields: Fields): EndSample {
    const end: Draft = blankEnd(
      this.#text(fields, "id", ID),
      this.#text(fields, "local", ADDRESS),
      this.#text(fields, "peer", ADDRESS),
    );
    const { state, waiting, pairedWith, holders, ours } = fields;
    end.state = (Number.isInteger(state) ? state : this.#text(fields, "state", STATE)) as EndSample["state"];
    if (!REASONS.has(waiting)) throw new Refused(`waiting: expected a reason, got ${told(waiting)}`);
    end.waiting = waiting as WaitReason;
    end.waitingMs = count(fields, "waitingMs");
    if (pairedWith !== undefined) end.pairedWith = this.#text(fields, "pairedWith", ID);
    if (holders !== undefined) end.holders = listOf(fields, "holders").map(holderOf);
    if (ours !== undefined) end.ours = ours === true;
    for (const name of QUANTITY_NAMES) if (fields[name] !== undefined) end[name] = count(fields, name);
    return end;
  }

  #ended(fields: Fields): EndedEnd {
    const { because } = fields;
    if (because !== "gone" && because !== "replaced") {
      throw new Refused(`because: expected "gone" or "replaced", got ${told(because)}`);
    }
    return {
      id: this.#text(fields, "id", ID),
      local: this.#text(fields, "local", ADDRESS),
      peer: this.#text(fields, "peer", ADDRESS),
      because,
    };
  }

  #text(fields: Fields, name: string, form: RegExp): string {
    const text = fields[name];
    const known = this.#texts.get(text as string);
    if (known !== undefined) return known;
    if (typeof text !== "string" || !form.test(text)) {
      throw new Refused(`${name}: expected a text like ${form.source}, got ${told(text)}`);
    }
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Refused(`${what}: expected an object, got ${told(value)}`);
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const list = fields[name];
  if (Array.isArray(list)) return list;
  throw new Refused(`${name}: expected an array, got ${told(list)}`);
}

function count(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new Refused(`${name}: expected a number from 0 on, got ${told(value)}`);
}

/** As far as a Date goes. */
const LAST_MOMENT = 8.64e15;

function moment(fields: Fields): number {
  const at = count(fields, "at");
  if (at <= LAST_MOMENT) return at;
  throw new Refused(`at: expected milliseconds since 1970, up to ${LAST_MOMENT}, got ${told(at)}`);
}

function holderOf(value: unknown): Holder {
  const fields = fieldsOf(value, "holders");
  const { command } = fields;
  if (typeof command !== "string") throw new Refused(`command: expected a text, got ${told(command)}`);
  return { pid: count(fields, "pid"), command };
}

function told(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
