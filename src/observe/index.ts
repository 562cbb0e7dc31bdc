/**
 * What the kernel says of connections, sampled: buffers, windows, round-trip times, and why a sender waits.
 * @module
 */
export { type Connection, connectionsOf } from "./connections.ts";
export type { EndSample, Holder } from "./end_sample.ts";
export { History, type HistoryOptions } from "./history.ts";
export { Observer, type ObserverOptions, type ObserveTarget } from "./observer.ts";
export { QUANTITIES, type Quantities, type Quantity, type QuantityName, type Unit } from "./quantities.ts";
export {
  RecordingError,
  type RecordingHeader,
  readRecording,
  replayRecording,
  SampleRecorder,
  SCHEMA_VERSION,
} from "./recording.ts";
export type { EndedEnd, Sample } from "./sample.ts";
export { WAIT_REASONS, WAIT_TEXTS, type WaitReason } from "./waiting.ts";
