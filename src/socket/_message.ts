/** One message with its ancillary data: the header that all sockets of a thread share, and the checks of its parts. */
import * as C from "../sys/index.ts";

/** Room for ancillary data: enough for 253 files, and for whatever else the kernel gives. */
export const ANCILLARY_BYTES = 4096;
/** What a socket may ask for on its own account beside that. */
const SPARE_BYTES = 64;

/** Every call is over before the next one can begin: one header serves all sockets of the thread. */
export const message: C.MessageVector = new C.MessageVector(1, ANCILLARY_BYTES + SPARE_BYTES);

/** @throws {RangeError} */
export function checkAncillaryBytes(ancillaryBytes: unknown): asserts ancillaryBytes is number {
  const bytes = ancillaryBytes as number;
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > ANCILLARY_BYTES) {
    throw new RangeError(
      `ancillaryBytes: expected a whole number from 0 to ${ANCILLARY_BYTES}, got ${String(bytes)}`,
    );
  }
}

/** @throws {TypeError} for more control data than there is room for */
export function checkControl(control: Uint8Array | undefined): void {
  if (control !== undefined && control.length > ANCILLARY_BYTES) {
    throw new TypeError(`ancillary: expected at most ${ANCILLARY_BYTES} bytes of it, got ${control.length}`);
  }
}
