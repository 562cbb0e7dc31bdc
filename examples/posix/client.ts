/** The chapter's C client, line by line: resolve, connect, write a text, print the answer. `client.ts NAME SERVICE TEXT` */
import {
  AF_UNSPEC,
  type addrinfo,
  close,
  connect,
  freeaddrinfo,
  gai_strerror,
  getaddrinfo,
  perror,
  read,
  SOCK_STREAM,
  socket,
  write,
} from "windsock/posix";

/** @returns the fd of a connection to the first address of the host that takes one, or -1 */
function tcp_connect(host: string, serv: string): number {
  const hints = { ai_family: AF_UNSPEC, ai_socktype: SOCK_STREAM };
  const list: addrinfo[] = [];
  const n = getaddrinfo(host, serv, hints, list);
  if (n !== 0) {
    console.error(`Failure in name resolution: ${gai_strerror(n)}`);
    return -1;
  }

  let sockfd = -1;
  let res: addrinfo | null;
  for (res = list[0] ?? null; res !== null; res = res.ai_next) {
    sockfd = socket(res.ai_family, res.ai_socktype, res.ai_protocol);
    if (sockfd < 0) continue; // not this one

    if (connect(sockfd, res.ai_addr, res.ai_addrlen) === 0) break; // connected

    perror("connect");
    close(sockfd); // and on to the next
  }
  freeaddrinfo(list);
  return res === null ? -1 : sockfd;
}

const [host, serv, text] = process.argv.slice(2);
if (host === undefined || serv === undefined || text === undefined) {
  console.error("usage: client.ts NAME SERVICE TEXT");
  process.exit(2);
}

const fd = tcp_connect(host, serv);
if (fd < 0) process.exit(1);

let message = new TextEncoder().encode(text);
while (message.length > 0) {
  const n = write(fd, message, message.length); // maybe a part only, which the C client forgets
  if (n < 0) {
    perror("write");
    process.exit(1);
  }
  message = message.subarray(n);
}

const buffer = new Uint8Array(160);
const n = read(fd, buffer, buffer.length);
if (n < 0) {
  perror("read");
  process.exit(1);
}
console.log(new TextDecoder().decode(buffer.subarray(0, n)));
close(fd);
