/** All situations. */
import type { Situation } from "../_situation.ts";
import { CONNECTIONS } from "./connections.ts";
import { DATAGRAMS } from "./datagrams.ts";
import { DESCRIPTORS } from "./descriptors.ts";
import { LOCAL } from "./local.ts";
import { MESSAGES } from "./messages.ts";
import { OPTIONS } from "./options.ts";
import { READINESS } from "./readiness.ts";
import { STREAMS } from "./streams.ts";
import { TEXTS } from "./texts.ts";

export const SITUATIONS: readonly Situation[] = [
  ...CONNECTIONS,
  ...STREAMS,
  ...DATAGRAMS,
  ...LOCAL,
  ...OPTIONS,
  ...DESCRIPTORS,
  ...READINESS,
  ...MESSAGES,
  ...TEXTS,
];
