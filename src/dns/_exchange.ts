/** One query to one server: sent, and waited for until its answer comes. */
import { TcpStream, UdpSocket } from "../socket/index.ts";
import { type Answer, type Exchange, readAnswer } from "./_answer.ts";
import { isTruncated, mismatch } from "./_message.ts";
import { Link } from "./_pipe.ts";
import type { DnsTransport, Server } from "./_server.ts";
import { TlsChannel } from "./_tls.ts";

/** The answer over UDP says that it is not whole. */
export class TruncatedError extends Error {
  override readonly name = "TruncatedError";
}

/** The connections to each server. */
const links = new WeakMap<Server, { readonly tcp: Link; readonly tls: Link }>();

function linksTo(server: Server): { readonly tcp: Link; readonly tls: Link } {
  const known = links.get(server);
  if (known !== undefined) return known;
  const made = {
    tcp: new Link((signal) => TcpStream.connect(server.address, { signal })),
    tls: new Link((signal) => TlsChannel.connect(server, signal)),
  };
  links.set(server, made);
  return made;
}

/**
 * @throws {TruncatedError} over UDP
 * @throws what the socket throws; it is closed then
 */
export function exchange(server: Server, transport: DnsTransport, what: Exchange): Promise<Answer> {
  return transport === "udp" ? overUdp(server, what) : linksTo(server)[transport].ask(what);
}

/**
 * A new socket each time: the kernel gives it a random port, which is most of what a forger has to guess (RFC 5452
 * §9.2). It is connected, so that nothing reaches it but what bears the server's address and port, and ICMP's
 * "port unreachable" fails it at once.
 */
async function overUdp(server: Server, what: Exchange): Promise<Answer> {
  const { query, exactCase, deadline } = what;
  using socket = await UdpSocket.connect(server.address, deadline.left);
  await socket.send(query.bytes, deadline.left);
  for (;;) {
    const { data } = await socket.recv(deadline.left);
    // A truncated message need not be whole in any other way.
    if (mismatch(query, data, exactCase) === undefined && isTruncated(data)) {
      throw new TruncatedError("the answer is truncated");
    }
    const answer = readAnswer(data, what);
    if (answer !== undefined) return answer;
    deadline.check("recv");
  }
}
