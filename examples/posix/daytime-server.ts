/** The classic companion of a first client: a daytime server, RFC 867. `daytime-server.ts [PORT [ADDRESS]]` */
import {
  AF_INET,
  accept,
  bind,
  close,
  ECONNABORTED,
  EINTR,
  errno,
  getsockname,
  htonl,
  htons,
  INADDR_ANY,
  inet_ntop,
  inet_pton,
  listen,
  ntohs,
  perror,
  SO_REUSEADDR,
  SOCK_STREAM,
  SOL_SOCKET,
  SOMAXCONN,
  setsockopt,
  sockaddr_in,
  socket,
  write,
} from "windsock/posix";

const [port = "13", address] = process.argv.slice(2);

const servaddr = sockaddr_in({
  sin_family: AF_INET,
  sin_port: htons(Number(port)),
  sin_addr: { s_addr: htonl(INADDR_ANY) },
});
if (address !== undefined && inet_pton(AF_INET, address, servaddr.sin_addr) !== 1) {
  console.error(`not an IPv4 address: ${address}`);
  process.exit(2);
}

const listenfd = socket(AF_INET, SOCK_STREAM, 0);
if (listenfd < 0) die("socket");
if (setsockopt(listenfd, SOL_SOCKET, SO_REUSEADDR, 1) < 0) die("setsockopt");
if (bind(listenfd, servaddr) < 0) die("bind");
if (listen(listenfd, SOMAXCONN) < 0) die("listen");
if (getsockname(listenfd, servaddr) < 0) die("getsockname");
console.log(`daytime on port ${ntohs(servaddr.sin_port)}`);

for (;;) {
  const cliaddr = sockaddr_in();
  const connfd = accept(listenfd, cliaddr);
  if (connfd < 0) {
    if (errno === EINTR || errno === ECONNABORTED) continue;
    die("accept");
  }
  console.log(`connection from ${inet_ntop(AF_INET, cliaddr.sin_addr)}, port ${ntohs(cliaddr.sin_port)}`);

  const time = new TextEncoder().encode(`${new Date().toString().slice(0, 24)}\r\n`);
  if (write(connfd, time, time.length) < 0) perror("write");
  close(connfd);
}

function die(call: string): never {
  perror(call);
  process.exit(1);
}
