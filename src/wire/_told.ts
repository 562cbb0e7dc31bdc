/** The type of what a decoded header gives: all fields, told. */

/**
 * Fields, none of them undefined. `Required` would leave `T | undefined` of `field?: T | undefined`. What a message may be
 * without stays optional.
 */
export type Told<F> = F extends unknown
  ? { readonly [K in keyof F]-?: K extends "extensions" | "version2" ? F[K] : Exclude<F[K], undefined> }
  : never;
