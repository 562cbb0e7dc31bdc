/** Situations of TCP connections: connecting, listening, accepting. */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  accept,
  accept4,
  bind,
  close,
  connect,
  F_GETFD,
  F_GETFL,
  fcntl,
  getpeername,
  getsockname,
  htonl,
  htons,
  INADDR_ANY,
  INADDR_BROADCAST,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  in6addr_any,
  inet_pton,
  listen,
  ntohl,
  ntohs,
  O_NONBLOCK,
  POLLIN,
  POLLOUT,
  poll,
  read,
  SHUT_RDWR,
  SO_ERROR,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockopt,
  shutdown,
  sockaddr_in,
  sockaddr_in6,
  sockaddr_storage,
  socket,
} from "../../../src/posix/index.ts";
import {
  address,
  bound,
  get_int,
  listening,
  loopback,
  name_of,
  no_wait,
  ok,
  reset,
  type Situation,
  set_int,
  show,
  show_bytes,
  show_fd,
  situation,
  tcp_pair,
  wait_for,
} from "../_situation.ts";

export const CONNECTIONS: readonly Situation[] = [
  situation(
    "socket with arguments that do not go together",
    `show_fd(socket(9999, SOCK_STREAM, 0));
     show_fd(socket(-1, SOCK_STREAM, 0));
     show_fd(socket(AF_INET, 15, 0));
     show_fd(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
     show_fd(socket(AF_INET, SOCK_DGRAM, 9999));
     show_fd(socket(AF_UNIX, SOCK_STREAM, 7));
     show_fd(socket(AF_INET, SOCK_STREAM | 0x100, 0));`,
    () => {
      show_fd(socket(9999, SOCK_STREAM, 0));
      show_fd(socket(-1, SOCK_STREAM, 0));
      show_fd(socket(AF_INET, 15, 0));
      show_fd(socket(AF_INET, SOCK_STREAM, 17));
      show_fd(socket(AF_INET, SOCK_DGRAM, 9999));
      show_fd(socket(1, SOCK_STREAM, 7));
      show_fd(socket(AF_INET, SOCK_STREAM | 0x100, 0));
    },
  ),
  situation(
    "socket with and without SOCK_NONBLOCK and SOCK_CLOEXEC",
    `int plain = ok(socket(AF_INET, SOCK_STREAM, 0));
     int both = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
     show(fcntl(plain, F_GETFL)); show(fcntl(plain, F_GETFD));
     show(fcntl(both, F_GETFL)); show(fcntl(both, F_GETFD));`,
    () => {
      const plain = ok(socket(AF_INET, SOCK_STREAM, 0));
      const both = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      show(fcntl(plain, F_GETFL));
      show(fcntl(plain, F_GETFD));
      show(fcntl(both, F_GETFL));
      show(fcntl(both, F_GETFD));
    },
  ),
  situation(
    "connect to a closed port",
    `int holder = bound(SOCK_STREAM); /* it does not listen */
     sockaddr_in name = name_of(holder);
     int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     show(connect(fd, SA(name)));
     show(connect(fd, SA(name)));`,
    () => {
      const holder = bound(SOCK_STREAM); // it does not listen
      const name = name_of(holder);
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(connect(fd, name));
      show(connect(fd, name));
    },
  ),
  situation(
    "connect twice",
    `int fds[2]; tcp_pair(fds);
     sockaddr_in peer = name_of(fds[1]);
     show(connect(fds[0], SA(peer)));`,
    () => {
      const [client, server] = tcp_pair();
      show(connect(client, name_of(server)));
    },
  ),
  situation(
    "connect on a listening socket",
    `int fd = listening(1), other = listening(1);
     sockaddr_in name = name_of(other);
     show(connect(fd, SA(name)));`,
    () => {
      const [fd, other] = [listening(1), listening(1)];
      show(connect(fd, name_of(other)));
    },
  ),
  situation(
    "connect with the wrong family, a length too short, and no family",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = loopback(htons(9));
     name.sin_family = AF_INET6;
     show(connect(fd, SA(name)));
     name.sin_family = 999;
     show(connect(fd, SA(name)));
     name.sin_family = AF_INET;
     show(connect(fd, SP(name), 15));
     show(connect(fd, SP(name), 1));
     show(connect(fd, SP(name), 0));
     name.sin_family = AF_UNSPEC;
     show(connect(fd, SA(name)));`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      const name = loopback(htons(9));
      name.sin_family = AF_INET6;
      show(connect(fd, name));
      name.sin_family = 999;
      show(connect(fd, name));
      name.sin_family = AF_INET;
      show(connect(fd, name, 15));
      show(connect(fd, name, 1));
      show(connect(fd, name, 0));
      name.sin_family = AF_UNSPEC;
      show(connect(fd, name));
    },
  ),
  situation(
    "connect to port 0, and to a broadcast and a multicast address",
    `sockaddr_in zero = loopback(0), all = address(INADDR_BROADCAST, htons(9)), group = address(0xe0000001, htons(9));
     int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     show(connect(fd, SA(zero)));
     show(connect(fd, SA(all)));
     show(connect(fd, SA(group)));`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(connect(fd, loopback(0)));
      show(connect(fd, address(INADDR_BROADCAST, htons(9))));
      show(connect(fd, address(0xe0000001, htons(9))));
    },
  ),
  situation(
    "non-blocking connect to a closed port: poll, then SO_ERROR",
    `int holder = bound(SOCK_STREAM);
     sockaddr_in name = name_of(holder);
     int fd = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
     show(connect(fd, SA(name)));
     struct pollfd one = { fd, POLLIN | POLLOUT };
     show(poll(&one, 1, -1));
     show(one.revents);
     show(get_int(fd, SOL_SOCKET, SO_ERROR));
     show(get_int(fd, SOL_SOCKET, SO_ERROR));`,
    () => {
      const holder = bound(SOCK_STREAM);
      const name = name_of(holder);
      const fd = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      show(connect(fd, name));
      const one = { fd, events: POLLIN | POLLOUT, revents: 0 };
      show(poll([one], 1, -1));
      show(one.revents);
      show(get_int(fd, SOL_SOCKET, SO_ERROR));
      show(get_int(fd, SOL_SOCKET, SO_ERROR));
    },
  ),
  situation(
    "non-blocking connect to a listener: poll, SO_ERROR, connect again",
    `int listener = listening(1);
     sockaddr_in name = name_of(listener);
     int fd = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
     show(connect(fd, SA(name)));
     struct pollfd one = { fd, POLLOUT };
     show(poll(&one, 1, -1));
     show(one.revents);
     show(get_int(fd, SOL_SOCKET, SO_ERROR));
     show(connect(fd, SA(name)));
     show(connect(fd, SA(name)));`,
    () => {
      const listener = listening(1);
      const name = name_of(listener);
      const fd = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      show(connect(fd, name));
      const one = { fd, events: POLLOUT, revents: 0 };
      show(poll([one], 1, -1));
      show(one.revents);
      show(get_int(fd, SOL_SOCKET, SO_ERROR));
      show(connect(fd, name));
      show(connect(fd, name));
    },
  ),
  situation(
    "connect again while the first one is under way",
    `int listener = listening(0); /* with one connection its queue is full, and it drops what comes */
     sockaddr_in name = name_of(listener);
     int first = ok(socket(AF_INET, SOCK_STREAM, 0)), fd = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
     show(connect(first, SA(name)));
     wait_for(listener, POLLIN);
     show(connect(fd, SA(name)));
     show(connect(fd, SA(name)));
     sockaddr_in peer; socklen_t length = sizeof peer;
     show(getpeername(fd, SP(peer), &length));
     show(listen(fd, 1));`,
    () => {
      const listener = listening(0); // with one connection its queue is full, and it drops what comes
      const name = name_of(listener);
      const first = ok(socket(AF_INET, SOCK_STREAM, 0));
      const fd = ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      show(connect(first, name));
      wait_for(listener, POLLIN);
      show(connect(fd, name));
      show(connect(fd, name));
      show(getpeername(fd, sockaddr_in()));
      show(listen(fd, 1));
    },
  ),
  situation(
    "bind twice",
    `int fd = bound(SOCK_STREAM);
     sockaddr_in any = loopback(0);
     show(bind(fd, SA(any)));`,
    () => {
      const fd = bound(SOCK_STREAM);
      show(bind(fd, loopback(0)));
    },
  ),
  situation(
    "bind to a port that is taken",
    `int holder = bound(SOCK_STREAM), fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = name_of(holder);
     show(bind(fd, SA(name)));
     name.sin_addr.s_addr = htonl(INADDR_ANY);
     show(bind(fd, SA(name)));`,
    () => {
      const [holder, fd] = [bound(SOCK_STREAM), ok(socket(AF_INET, SOCK_STREAM, 0))];
      const name = name_of(holder);
      show(bind(fd, name));
      name.sin_addr.s_addr = htonl(INADDR_ANY);
      show(bind(fd, name));
    },
  ),
  situation(
    "bind to an address that this host does not have",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in foreign = address(0xc0000201, 0); /* 192.0.2.1 */
     show(bind(fd, SA(foreign)));`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(bind(fd, address(0xc0000201, 0))); // 192.0.2.1
    },
  ),
  situation(
    "bind to a privileged port without the privilege",
    `if (geteuid() == 0) ok(seteuid(65534));
     int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = address(0x7f000003, htons(1)); /* 127.0.0.3 */
     show(bind(fd, SA(name)));`,
    () => {
      const isRoot = process.geteuid?.() === 0;
      if (isRoot) process.seteuid?.(65534);
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(bind(fd, address(0x7f000003, htons(1)))); // 127.0.0.3
      close(fd);
      if (isRoot) process.seteuid?.(0);
    },
  ),
  situation(
    "bind with lengths that are too short and too long",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_storage room = { 0 };
     *(sockaddr_in *)&room = loopback(0);
     char much[300] = { 0 };
     memcpy(much, &room, sizeof room);
     show(bind(fd, SP(room), 0)); show(bind(fd, SP(room), 2)); show(bind(fd, SP(room), 15));
     show(bind(fd, (struct sockaddr *)much, 129)); show(bind(fd, (struct sockaddr *)much, 300));
     show(bind(fd, SP(room), 128));`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      const room = loopback(0);
      show(bind(fd, room, 0));
      show(bind(fd, room, 2));
      show(bind(fd, room, 15));
      const much = new Uint8Array(300);
      much.set([AF_INET, 0, 0, 0, 127, 0, 0, 1]);
      show(bind(fd, much, 129));
      show(bind(fd, much));
      show(bind(fd, room, 128));
    },
  ),
  situation(
    "bind with the wrong family",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = loopback(0);
     name.sin_family = AF_INET6; show(bind(fd, SA(name)));
     name.sin_family = AF_UNSPEC; show(bind(fd, SA(name)));
     name.sin_addr.s_addr = htonl(INADDR_ANY); show(bind(fd, SA(name)));
     sockaddr_in6 six = { .sin6_family = AF_INET6 };
     int other = ok(socket(AF_INET, SOCK_STREAM, 0));
     show(bind(other, SA(six)));`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      const name = loopback(0);
      name.sin_family = AF_INET6;
      show(bind(fd, name));
      name.sin_family = AF_UNSPEC;
      show(bind(fd, name));
      name.sin_addr.s_addr = htonl(INADDR_ANY);
      show(bind(fd, name));
      const other = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(bind(other, { sin6_family: AF_INET6 }));
    },
  ),
  situation(
    "listen on a socket that is not bound, twice, and with odd lengths of its queue",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     show(listen(fd, 5));
     show(name_of(fd).sin_port != 0); show(ntohl(name_of(fd).sin_addr.s_addr));
     show(listen(fd, 5)); show(listen(fd, -1)); show(listen(fd, 0x7fffffff));`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(listen(fd, 5));
      show(Number(name_of(fd).sin_port !== 0));
      show(name_of(fd).sin_addr.s_addr);
      show(listen(fd, 5));
      show(listen(fd, -1));
      show(listen(fd, 0x7fffffff));
    },
  ),
  situation(
    "listen on a connected socket, and on a datagram socket",
    `int fds[2]; tcp_pair(fds);
     show(listen(fds[0], 1)); show(listen(fds[1], 1)); show(listen(bound(SOCK_DGRAM), 1));`,
    () => {
      const [client, server] = tcp_pair();
      show(listen(client, 1));
      show(listen(server, 1));
      show(listen(bound(SOCK_DGRAM), 1));
    },
  ),
  situation(
    "accept on sockets that do not listen",
    `int fds[2]; tcp_pair(fds);
     show_fd(accept(bound(SOCK_STREAM), NULL, NULL));
     show_fd(accept(bound(SOCK_DGRAM), NULL, NULL));
     show_fd(accept(fds[0], NULL, NULL));`,
    () => {
      const [client] = tcp_pair();
      show_fd(accept(bound(SOCK_STREAM), null, null));
      show_fd(accept(bound(SOCK_DGRAM), null, null));
      show_fd(accept(client, null, null));
    },
  ),
  situation(
    "accept without a connection to take, and with unknown flags",
    `int fd = listening(1);
     no_wait(fd);
     show_fd(accept(fd, NULL, NULL)); show_fd(accept4(fd, NULL, NULL, 1));`,
    () => {
      const fd = listening(1);
      no_wait(fd);
      show_fd(accept(fd, null, null));
      show_fd(accept4(fd, null, null, 1));
    },
  ),
  situation(
    "accept gives the peer's address",
    `int listener = listening(1), client = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = name_of(listener), peer;
     ok(connect(client, SA(name)));
     socklen_t length = sizeof peer;
     show_fd(accept(listener, SP(peer), &length));
     show(length); show(peer.sin_family); show(ntohl(peer.sin_addr.s_addr));
     show(peer.sin_port == name_of(client).sin_port);`,
    () => {
      const [listener, client] = [listening(1), ok(socket(AF_INET, SOCK_STREAM, 0))];
      ok(connect(client, name_of(listener)));
      const peer = sockaddr_in();
      const length = { value: 16 };
      show_fd(accept(listener, peer, length));
      show(length.value);
      show(peer.sin_family);
      show(ntohl(peer.sin_addr.s_addr));
      show(Number(peer.sin_port === name_of(client).sin_port));
    },
  ),
  situation(
    "accept and getpeername with too little room for the address",
    `int listener = listening(1), client = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = name_of(listener);
     ok(connect(client, SA(name)));
     char room[16]; memset(room, 0xee, sizeof room);
     socklen_t length = 2;
     show_fd(accept(listener, (struct sockaddr *)room, &length));
     show(length); show_bytes(room, 16);
     length = 0; show(getpeername(client, (struct sockaddr *)room, &length)); show(length); show_bytes(room, 16);
     length = 6; show(getsockname(client, (struct sockaddr *)room, &length)); show(length); show_bytes(room + 6, 10);`,
    () => {
      const [listener, client] = [listening(1), ok(socket(AF_INET, SOCK_STREAM, 0))];
      ok(connect(client, name_of(listener)));
      const room = new Uint8Array(16).fill(0xee);
      const length = { value: 2 };
      show_fd(accept(listener, room, length));
      show(length.value);
      show_bytes(room, 16);
      length.value = 0;
      show(getpeername(client, room, length));
      show(length.value);
      show_bytes(room, 16);
      length.value = 6;
      show(getsockname(client, room, length));
      show(length.value);
      show_bytes(room.subarray(6), 10);
    },
  ),
  situation(
    "an address of IPv4 in room for any family, and a struct that is too small for it",
    `int fd = bound(SOCK_STREAM);
     sockaddr_storage any; memset(&any, 0xee, sizeof any);
     socklen_t length = sizeof any;
     show(getsockname(fd, SP(any), &length)); show(length); show(any.ss_family);
     show(ntohl(((sockaddr_in *)&any)->sin_addr.s_addr)); show_bytes((char *)&any + 8, 120);
     sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(7), .sin6_flowinfo = htonl(5) };
     int other = ok(socket(AF_INET6, SOCK_STREAM, 0)); sockaddr_in four; length = sizeof four;
     show(getsockname(other, SP(four), &length)); show(length); show(four.sin_family);
     length = 6; show(getsockname(other, SP(six), &length)); show(length); show(ntohs(six.sin6_port)); show(ntohl(six.sin6_flowinfo));`,
    () => {
      const fd = bound(SOCK_STREAM);
      const any = sockaddr_storage(new Uint8Array(128).fill(0xee));
      const length = { value: 128 };
      show(getsockname(fd, any, length));
      show(length.value);
      show(any.ss_family);
      show(ntohl(sockaddr_in(any).sin_addr.s_addr));
      show_bytes(any.ss_data.subarray(6));
      const six = sockaddr_in6({ sin6_family: AF_INET6, sin6_port: htons(7), sin6_flowinfo: htonl(5) });
      const [other, four] = [ok(socket(AF_INET6, SOCK_STREAM, 0)), sockaddr_in()];
      length.value = 16;
      show(getsockname(other, four, length));
      show(length.value);
      show(four.sin_family);
      length.value = 6;
      show(getsockname(other, six, length));
      show(length.value);
      show(ntohs(six.sin6_port));
      show(ntohl(six.sin6_flowinfo));
    },
  ),
  situation(
    "accept after the client has closed, and after it has reset",
    `int listener = listening(4);
     sockaddr_in name = name_of(listener), peer;
     for (int i = 0; i < 2; i++) {
       int client = ok(socket(AF_INET, SOCK_STREAM, 0));
       ok(connect(client, SA(name)));
       wait_for(listener, POLLIN);
       if (i == 0) ok(close(client)); else reset(client);
       socklen_t length = sizeof peer;
       int fd = accept(listener, SP(peer), &length);
       show_fd(fd); show(length);
       char buffer[4];
       show(read(fd, buffer, 4)); show(read(fd, buffer, 4)); show(close(fd));
     }`,
    () => {
      const listener = listening(4);
      const name = name_of(listener);
      for (let i = 0; i < 2; i++) {
        const client = ok(socket(AF_INET, SOCK_STREAM, 0));
        ok(connect(client, name));
        wait_for(listener, POLLIN);
        if (i === 0) ok(close(client));
        else reset(client);
        const length = { value: 16 };
        const fd = accept(listener, sockaddr_in(), length);
        show_fd(fd);
        show(length.value);
        const buffer = new Uint8Array(4);
        show(read(fd, buffer, 4));
        show(read(fd, buffer, 4));
        show(close(fd));
      }
    },
  ),
  situation(
    "accept4 with SOCK_NONBLOCK and SOCK_CLOEXEC, and accept of a non-blocking listener",
    `int listener = listening(4);
     sockaddr_in name = name_of(listener);
     for (int i = 0; i < 2; i++) ok(connect(ok(socket(AF_INET, SOCK_STREAM, 0)), SA(name)));
     int first = ok(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
     show(fcntl(first, F_GETFL)); show(fcntl(first, F_GETFD));
     no_wait(listener);
     wait_for(listener, POLLIN);
     int second = ok(accept(listener, NULL, NULL));
     show(fcntl(second, F_GETFL) & O_NONBLOCK); show(fcntl(second, F_GETFD));`,
    () => {
      const listener = listening(4);
      const name = name_of(listener);
      for (let i = 0; i < 2; i++) ok(connect(ok(socket(AF_INET, SOCK_STREAM, 0)), name));
      const first = ok(accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC));
      show(fcntl(first, F_GETFL));
      show(fcntl(first, F_GETFD));
      no_wait(listener);
      wait_for(listener, POLLIN);
      const second = ok(accept(listener, null, null));
      show(fcntl(second, F_GETFL) & O_NONBLOCK);
      show(fcntl(second, F_GETFD));
    },
  ),
  situation(
    "getpeername of sockets without a peer, getsockname of one without a name",
    `int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name; socklen_t length = sizeof name;
     show(getpeername(fd, SP(name), &length)); show(getpeername(listening(1), SP(name), &length));
     show(getsockname(fd, SP(name), &length)); show(name.sin_port); show(name.sin_addr.s_addr);`,
    () => {
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      const name = sockaddr_in();
      show(getpeername(fd, name));
      show(getpeername(listening(1), name));
      show(getsockname(fd, name));
      show(name.sin_port);
      show(name.sin_addr.s_addr);
    },
  ),
  situation(
    "SO_REUSEADDR: two listeners on one port, and SO_REUSEPORT",
    `int first = listening(1), fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     sockaddr_in name = name_of(first), any = loopback(0);
     set_int(first, SOL_SOCKET, SO_REUSEADDR, 1); set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
     show(bind(fd, SA(name)));
     int one = ok(socket(AF_INET, SOCK_STREAM, 0)), two = ok(socket(AF_INET, SOCK_STREAM, 0));
     set_int(one, SOL_SOCKET, SO_REUSEPORT, 1); set_int(two, SOL_SOCKET, SO_REUSEPORT, 1);
     show(bind(one, SA(any))); show(listen(one, 1));
     name = name_of(one);
     show(bind(two, SA(name))); show(listen(two, 1));`,
    () => {
      const [first, fd] = [listening(1), ok(socket(AF_INET, SOCK_STREAM, 0))];
      set_int(first, SOL_SOCKET, SO_REUSEADDR, 1);
      set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      show(bind(fd, name_of(first)));
      const [one, two] = [ok(socket(AF_INET, SOCK_STREAM, 0)), ok(socket(AF_INET, SOCK_STREAM, 0))];
      set_int(one, SOL_SOCKET, SO_REUSEPORT, 1);
      set_int(two, SOL_SOCKET, SO_REUSEPORT, 1);
      show(bind(one, loopback(0)));
      show(listen(one, 1));
      show(bind(two, name_of(one)));
      show(listen(two, 1));
    },
  ),
  situation(
    "SO_REUSEADDR: a port whose last connection is in TIME_WAIT",
    `int listener = ok(socket(AF_INET, SOCK_STREAM, 0)), client = ok(socket(AF_INET, SOCK_STREAM, 0));
     set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);
     sockaddr_in any = loopback(0); ok(bind(listener, SA(any))); ok(listen(listener, 1));
     sockaddr_in name = name_of(listener);
     ok(connect(client, SA(name)));
     int server = ok(accept(listener, NULL, NULL));
     char buffer[1];
     ok(close(listener)); ok(close(server)); /* who closes first waits */
     show(read(client, buffer, 1)); ok(close(client));
     int fd = ok(socket(AF_INET, SOCK_STREAM, 0));
     show(bind(fd, SA(name)));
     set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
     show(bind(fd, SA(name)));`,
    () => {
      const [listener, client] = [ok(socket(AF_INET, SOCK_STREAM, 0)), ok(socket(AF_INET, SOCK_STREAM, 0))];
      set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);
      ok(bind(listener, loopback(0)));
      ok(listen(listener, 1));
      const name = name_of(listener);
      ok(connect(client, name));
      const server = ok(accept(listener, null, null));
      ok(close(listener));
      ok(close(server)); // who closes first waits
      show(read(client, new Uint8Array(1), 1));
      ok(close(client));
      const fd = ok(socket(AF_INET, SOCK_STREAM, 0));
      show(bind(fd, name));
      set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      show(bind(fd, name));
    },
  ),
  situation(
    "shutdown of sockets that are not connected, of a listener, and with a bad direction",
    `int fds[2]; tcp_pair(fds);
     int listener = listening(1);
     show(shutdown(ok(socket(AF_INET, SOCK_STREAM, 0)), SHUT_WR));
     show(shutdown(fds[0], 3)); show(shutdown(fds[0], -1));
     show(shutdown(listener, SHUT_RDWR)); show_fd(accept(listener, NULL, NULL));`,
    () => {
      const [client] = tcp_pair();
      const listener = listening(1);
      show(shutdown(ok(socket(AF_INET, SOCK_STREAM, 0)), 1));
      show(shutdown(client, 3));
      show(shutdown(client, -1));
      show(shutdown(listener, SHUT_RDWR));
      show_fd(accept(listener, null, null));
    },
  ),
  situation(
    "IPv6: a mapped IPv4 address, IPV6_V6ONLY, a link-local address without its scope, a struct of IPv4",
    `int listener = listening(4);
     sockaddr_in name = name_of(listener);
     sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = name.sin_port };
     inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
     show_fd(socket(AF_INET6, SOCK_STREAM, 0));
     int mapped = socket(AF_INET6, SOCK_STREAM, 0), only = socket(AF_INET6, SOCK_STREAM, 0);
     show(connect(mapped, SA(six)));
     sockaddr_in6 peer; socklen_t length = sizeof peer;
     show(getpeername(mapped, SP(peer), &length)); show(length); show_bytes(&peer.sin6_addr, 16);
     int on = 1; show(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
     show(connect(only, SA(six)));
     inet_pton(AF_INET6, "fe80::1", &six.sin6_addr);
     show(connect(only, SA(six))); show(connect(only, SA(name))); show(connect(only, SP(six), 23));
     sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
     show(bind(only, SA(any)));`,
    () => {
      const listener = listening(4);
      const name = name_of(listener);
      const six = sockaddr_in6({ sin6_family: AF_INET6, sin6_port: name.sin_port });
      inet_pton(AF_INET6, "::ffff:127.0.0.1", six.sin6_addr);
      show_fd(socket(AF_INET6, SOCK_STREAM, 0));
      const [mapped, only] = [socket(AF_INET6, SOCK_STREAM, 0), socket(AF_INET6, SOCK_STREAM, 0)];
      show(connect(mapped, six));
      const [peer, length] = [sockaddr_in6(), { value: 28 }];
      show(getpeername(mapped, peer, length));
      show(length.value);
      show_bytes(peer.sin6_addr.s6_addr);
      show(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, 1));
      show(connect(only, six));
      inet_pton(AF_INET6, "fe80::1", six.sin6_addr);
      show(connect(only, six));
      show(connect(only, name));
      show(connect(only, six, 23));
      show(bind(only, { sin6_family: AF_INET6, sin6_addr: in6addr_any }));
    },
  ),
];
