/** Runs a question's subjects in turn, round by round, and keeps every sample. @module */
import { type Command, type Cores, Peer } from "./_peers.ts";

/** `node`: what Node itself has for it, `node:net` or `node:dgram`. */
export type Subject = "windsock" | "node" | "c";

/**
 * Who else is measured where there is more to be compared. `npm`: the package that one would take; `struct`: Python's module;
 * `ip` and `ss`: the commands.
 */
export type AnySubject = Subject | "npm" | "struct" | "scapy" | "tcpdump" | "ip" | "ss" | "pyroute2";

export interface Metric<S extends AnySubject = Subject> {
  readonly key: string;
  /** With the unit: "server CPU per request, µs". */
  readonly label: string;
  readonly digits: number;
  readonly moreIsBetter?: true;
  /** Is not measured without {@link Bench.pinned}. */
  readonly needsPinning?: true;
  /** Who can be asked, where not every subject of the question can. */
  readonly only?: readonly S[];
}

export interface Question<S extends AnySubject = Subject> {
  /** What one types after `npm run bench --`. Questions of the same name are asked together. */
  readonly name: string;
  readonly title: string;
  readonly subjects: readonly S[];
  readonly metrics: readonly Metric<S>[];
  /** One sample, from programs started for it. One number for each metric that the subject is asked for. */
  measure(subject: S, bench: Bench): Promise<Record<string, number>>;
}

/** `samples[subject][metric]`: one value per round; round n of every subject was measured side by side. */
export interface Answer {
  readonly question: Question<AnySubject>;
  readonly samples: Partial<Record<AnySubject, Record<string, number[]>>>;
}

/** What a sample is taken with: it starts programs, and ends all of them when the sample is there. */
export class Bench {
  readonly quick: boolean;
  readonly #cores: Cores | undefined;
  #peers: Peer[] = [];

  constructor(quick: boolean, cores: Cores | undefined) {
    this.quick = quick;
    this.#cores = cores;
  }

  /** Servers on one core and load on another; else both run wherever the kernel puts them. */
  get pinned(): boolean {
    return this.#cores !== undefined;
  }

  /** Starts a program on the servers' core. */
  server(command: Command): Peer {
    return this.#start(command, this.#cores?.server);
  }

  /** Starts a program on the core of the load. */
  load(command: Command): Peer {
    return this.#start(command, this.#cores?.load);
  }

  /** Starts a program that is not bound to a core. */
  anywhere(command: Command): Peer {
    return this.#start(command, undefined);
  }

  #start(command: Command, core: number | undefined): Peer {
    const peer = new Peer(command, core);
    this.#peers.push(peer);
    return peer;
  }

  async sample(question: Question<AnySubject>, subject: AnySubject): Promise<Record<string, number>> {
    this.#peers = [];
    try {
      const values = await question.measure(subject, this);
      for (const peer of this.#peers.reverse()) await peer.stop(); // the load first, then what it loads
      for (const { key, label } of metricsOf(question, subject)) {
        if (!Number.isFinite(values[key])) throw new Error(`no number for "${label}": ${values[key]}`);
      }
      return values;
    } catch (cause) {
      throw new Error(`${question.name}, ${subject}: no sample`, { cause });
    } finally {
      for (const peer of this.#peers) peer.kill();
    }
  }
}

/** Every round measures each subject once; the one that begins is another one in every round. */
export async function ask(question: Question<AnySubject>, rounds: number, bench: Bench): Promise<Answer> {
  const samples: Answer["samples"] = {};
  for (let round = 0; round < rounds; round++) {
    const turn = round % question.subjects.length;
    const order = [...question.subjects.slice(turn), ...question.subjects.slice(0, turn)];
    for (const subject of order) {
      process.stderr.write(`${question.name} ${round + 1}/${rounds} ${subject}: `);
      const values = await bench.sample(question, subject);
      process.stderr.write(
        `${metricsOf(question, subject)
          .map((metric) => format(metric, values))
          .join("  ")}\n`,
      );
      samples[subject] ??= {};
      for (const { key } of metricsOf(question, subject)) {
        samples[subject][key] ??= [];
        samples[subject][key].push(values[key]!);
      }
    }
  }
  return { question, samples };
}

function metricsOf({ metrics }: Question<AnySubject>, subject: AnySubject): readonly Metric<AnySubject>[] {
  return metrics.filter(({ only }) => only === undefined || only.includes(subject));
}

function format({ key, digits }: Metric<AnySubject>, values: Record<string, number>): string {
  return `${key} ${values[key]!.toFixed(digits)}`;
}
