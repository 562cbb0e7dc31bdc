/**
 * The page of `windsock watch --web`. It runs in a browser; others may only know the types of what it is told.
 * @module
 */
export type {
  Batch,
  Caption,
  Column,
  EndColumns,
  Ending,
  Hello,
  Row,
  Scalar,
  TableUpdate,
} from "./protocol.ts";
