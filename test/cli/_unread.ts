/** A connection of Node's own, whose 200 bytes nobody reads. */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as netConnect, type Socket } from "node:net";

export interface Unread {
  /** Of the end that does not read. */
  readonly port: number;
  readonly client: Socket;
  close(): void;
}

export async function unread(): Promise<Unread> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = netConnect(port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  await new Promise<void>((resolve) => client.write(new Uint8Array(200), () => resolve()));
  const close = (): void => {
    client.destroy();
    accepted.destroy();
    server.close();
  };
  return { port, client, close };
}
