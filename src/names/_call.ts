/** What calls of libc's resolver share: a promise that can be cancelled, though the call itself cannot, and flags. */
import { checkWait, type WaitOptions, watchWait } from "../sys/index.ts";

/**
 * @param begin starts the call, and gives a function that takes it back while it is queued
 * @param fail makes the error of a result that is not 0
 * @returns what the call gave; rejects with the signal's reason or a TimeoutError as soon as it is cancelled, while a
 * call that has begun runs on unheard until it ends
 */
export function cancellable<T>(
  syscall: string,
  subject: string,
  options: WaitOptions | undefined,
  begin: (done: (error: number, errno: number, value: T) => void) => () => boolean,
  fail: (error: number, errno: number) => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    checkWait(options); // what it throws rejects
    const takeBack = begin((error, errno, value) => {
      unwatch?.();
      if (error === 0) resolve(value);
      else reject(fail(error, errno));
    });
    const unwatch = watchWait(
      options,
      syscall,
      () => subject,
      (reason) => {
        unwatch?.();
        takeBack();
        reject(reason);
      },
    );
  });
}

/** The flags of a C call: those of `table` whose names are true in `wanted`, as one number. */
export function flagBits<K extends string>(
  table: Readonly<Record<K, number>>,
  wanted: { readonly [name in NoInfer<K>]?: boolean | undefined },
): number {
  let bits = 0;
  for (const name of Object.keys(table) as K[]) if (wanted[name]) bits |= table[name];
  return bits;
}
