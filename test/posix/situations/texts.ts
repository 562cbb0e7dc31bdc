/** Situations of addresses and names as text: inet_pton and its like, getaddrinfo, getnameinfo, the services. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  type addrinfo,
  type addrinfo_hints,
  freeaddrinfo,
  gai_strerror,
  getaddrinfo,
  gethostname,
  getnameinfo,
  getservbyname,
  getservbyport,
  htonl,
  htons,
  if_indextoname,
  if_nametoindex,
  inet_addr,
  inet_aton,
  inet_ntoa,
  inet_ntop,
  inet_pton,
  NI_DGRAM,
  NI_NUMERICHOST,
  NI_NUMERICSERV,
  ntohl,
  ntohs,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  type sockaddr_in,
  sockaddr_in6,
  strerror,
} from "../../../src/posix/index.ts";
import {
  address,
  print,
  type Situation,
  show,
  show_bytes,
  show_text,
  situation,
  unix_address,
} from "../_situation.ts";

// biome-ignore format: a table
const IPV4 = [
  "127.0.0.1", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.04",
  "0x7f.1", "127.1", "2130706433", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4 and more", "1.2.3.4x", "1..2.3",
  "1.2.3.", ".1.2.3", "", "-1.2.3.4", "1.2.3.+4", "::1", "0377.0.0.1", "08.0.0.1", "1.65536", "1.2.65536",
  "1.2.65535", "4294967295", "4294967296", "0xffffffff", "0x", "1.2.3.0x", "1.2.3.4\t", "1.2.3.4\n",
  "000000000000000000.1.2.3", "1.2.3.4/24",
];

// biome-ignore format: a table
const IPV6 = [
  "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9",
  "1::2::3", "::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "::1.2.3", "::1.2.3.256", "1.2.3.4::",
  "12345::", "g::", ":1", "1:", ":::", "fe80::1%lo", "[::1]", "", " ::1", "::1 ", "FFFF::AbCd",
  "0000:0000::0001", "00001::", "::01.2.3.4",
];

/** A list of texts in C. */
const cTexts = (texts: readonly string[]): string => texts.map((text) => JSON.stringify(text)).join(", ");

// biome-ignore format: a table
const ADDRESSES = [
  "0".repeat(32), `${"0".repeat(31)}1`, "00000000000000000000ffff01020304",
  "00000000000000000000000001020304", "20010db8000000000001000000000001",
  "20010db8000100010001000100010001", "0001000000020000000300000004ffff",
  "fe800000000000000000000000000001", "00000001000000000000000000000000",
];

/** node, service, flags, family, type, protocol. */
type Question = readonly [string | null, string | null, number, number, number, number];

/** What is asked without a name server. */
const QUESTIONS: readonly Question[] = [
  [null, null, 0, 0, 0, 0],
  ["127.0.0.1", null, 0, 0, 0, 0],
  ["127.0.0.1", "80", 0, 0, 0, 0],
  ["127.0.0.1", "80", 0, AF_INET, SOCK_STREAM, 0],
  ["127.0.0.1", "80", 0, AF_INET6, SOCK_STREAM, 0],
  ["::1", "80", 0, AF_INET, SOCK_STREAM, 0],
  ["::1", "80", 0, AF_INET6, SOCK_DGRAM, 17],
  ["127.0.0.1", "80", AI_V4MAPPED, AF_INET6, SOCK_STREAM, 0],
  ["127.0.0.1", "80", AI_V4MAPPED | AI_ALL, AF_INET6, SOCK_STREAM, 0],
  ["127.0.0.1", "80", AI_ADDRCONFIG, 0, SOCK_STREAM, 0],
  ["127.0.0.1", "80", 0, 0, SOCK_STREAM, 17],
  ["127.0.0.1", "80", 0, 0, SOCK_RAW, 0],
  ["127.0.0.1", "http", 0, 0, SOCK_RAW, 0],
  ["127.0.0.1", "80", 0, 0, 99, 0],
  ["127.0.0.1", "80", 0, AF_UNIX, 0, 0],
  ["127.0.0.1", "80", 0, 999, 0, 0],
  ["127.0.0.1", "80", 0x40000000, 0, 0, 0],
  ["127.0.0.1", "80", -1, 0, 0, 0],
  [null, "80", AI_CANONNAME, 0, 0, 0],
  [null, "80", AI_PASSIVE, AF_INET, SOCK_STREAM, 0],
  [null, "80", AI_PASSIVE, AF_INET6, SOCK_STREAM, 0],
  [null, "80", 0, AF_INET, SOCK_STREAM, 0],
  [null, "80", 0, AF_INET6, SOCK_STREAM, 0],
  ["127.0.0.1", "80", AI_CANONNAME, 0, SOCK_STREAM, 0],
  ["127.0.0.1", "http", 0, 0, 0, 0],
  ["127.0.0.1", "domain", 0, 0, SOCK_DGRAM, 0],
  ["127.0.0.1", "nosuchservice", 0, 0, 0, 0],
  ["127.0.0.1", "http", AI_NUMERICSERV, 0, SOCK_STREAM, 0],
  ["127.0.0.1", "", 0, 0, SOCK_STREAM, 0],
  ["127.0.0.1", "-1", 0, 0, SOCK_STREAM, 0],
  ["127.0.0.1", "65536", 0, 0, SOCK_STREAM, 0],
  ["127.0.0.1", " 80", 0, 0, SOCK_STREAM, 0],
  ["127.0.0.1", "80x", 0, 0, SOCK_STREAM, 0],
  ["localhost", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["localhost", "80", 0, AF_INET, SOCK_STREAM, 0],
  ["127.1", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["0x7f.1", "80", 0, 0, SOCK_STREAM, 0],
  ["1.2.3.4 x", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["256.1.1.1", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["fe80::1%lo", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["fe80::1%nosuchdev", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["fe80::1%7", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
  ["::1%lo", "80", AI_NUMERICHOST, 0, SOCK_STREAM, 0],
];

const cText = (text: string | null): string => (text === null ? "NULL" : JSON.stringify(text));

const PRINT_LIST = `
     for (struct addrinfo *p = res; p; p = p->ai_next) {
       show(p->ai_flags); show(p->ai_family); show(p->ai_socktype); show(p->ai_protocol); show(p->ai_addrlen);
       show_text(p->ai_canonname ? p->ai_canonname : "(none)");
       if (p->ai_family == AF_INET) {
         sockaddr_in *a = (sockaddr_in *)p->ai_addr; show(ntohs(a->sin_port)); show(ntohl(a->sin_addr.s_addr));
       } else {
         sockaddr_in6 *a = (sockaddr_in6 *)p->ai_addr; show(ntohs(a->sin6_port)); show_bytes(&a->sin6_addr, 16);
         show(a->sin6_scope_id);
       }
     }`;

function print_list(res: readonly addrinfo[]): void {
  for (let p = res[0] ?? null; p !== null; p = p.ai_next) {
    show(p.ai_flags);
    show(p.ai_family);
    show(p.ai_socktype);
    show(p.ai_protocol);
    show(p.ai_addrlen);
    show_text(p.ai_canonname ?? "(none)");
    if (p.ai_family === AF_INET) {
      const a = p.ai_addr as sockaddr_in;
      show(ntohs(a.sin_port));
      show(ntohl(a.sin_addr.s_addr));
    } else {
      const a = p.ai_addr as sockaddr_in6;
      show(ntohs(a.sin6_port));
      show_bytes(a.sin6_addr.s6_addr);
      show(a.sin6_scope_id);
    }
  }
}

export const TEXTS: readonly Situation[] = [
  situation(
    "inet_pton: IPv4 texts",
    `const char *texts[] = { ${cTexts(IPV4)} };
     for (size_t i = 0; i < ${IPV4.length}; i++) {
       struct in_addr dst = { 0x5a5a5a5a };
       show(inet_pton(AF_INET, texts[i], &dst)); show(dst.s_addr);
     }`,
    () => {
      for (const text of IPV4) {
        const dst = { s_addr: 0x5a5a5a5a };
        show(inet_pton(AF_INET, text, dst));
        show(dst.s_addr);
      }
    },
  ),
  situation(
    "inet_pton: IPv6 texts, and families without addresses of this kind",
    `const char *texts[] = { ${cTexts(IPV6)} };
     unsigned char dst[16]; memset(dst, 0x5a, 16);
     for (size_t i = 0; i < ${IPV6.length}; i++) {
       memset(dst, 0x5a, 16); show(inet_pton(AF_INET6, texts[i], dst)); show_bytes(dst, 16);
     }
     show(inet_pton(AF_UNIX, "::1", dst)); show(inet_pton(-1, "::1", dst));`,
    () => {
      const dst = new Uint8Array(16);
      for (const text of IPV6) {
        dst.fill(0x5a);
        show(inet_pton(AF_INET6, text, dst));
        show_bytes(dst);
      }
      show(inet_pton(AF_UNIX, "::1", dst));
      show(inet_pton(-1, "::1", dst));
    },
  ),
  situation(
    "inet_aton and inet_addr: what they take for an address",
    `const char *texts[] = { ${cTexts(IPV4)} };
     for (size_t i = 0; i < ${IPV4.length}; i++) {
       struct in_addr dst = { 0x5a5a5a5a };
       show(inet_aton(texts[i], &dst)); show(dst.s_addr); show(inet_addr(texts[i]));
     }`,
    () => {
      for (const text of IPV4) {
        const dst = { s_addr: 0x5a5a5a5a };
        show(inet_aton(text, dst));
        show(dst.s_addr);
        show(inet_addr(text));
      }
    },
  ),
  situation(
    "inet_ntop and inet_ntoa, with room that is too small, and other families",
    `const char *hex[] = { ${cTexts(ADDRESSES)} };
     char room[46];
     for (size_t i = 0; i < ${ADDRESSES.length}; i++) {
       unsigned char a[16]; for (int k = 0; k < 16; k++) sscanf(hex[i] + 2 * k, "%2hhx", a + k);
       show_text(inet_ntop(AF_INET6, a, room, 46)); show_text(inet_ntop(AF_INET6, a, room, 8));
     }
     struct in_addr a = { htonl(0xc0000201) };
     show_text(inet_ntop(AF_INET, &a, room, 46)); show_text(inet_ntop(AF_INET, &a, room, 10)); show_text(inet_ntop(AF_INET, &a, room, 9));
     show_text(inet_ntop(AF_INET, &a, room, 0)); show_text(inet_ntop(AF_UNIX, &a, room, 46)); show_text(inet_ntoa(a));`,
    () => {
      for (const hex of ADDRESSES) {
        const a = { s6_addr: Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)) };
        show_text(inet_ntop(AF_INET6, a, 46));
        show_text(inet_ntop(AF_INET6, a, 8));
      }
      const a = { s_addr: htonl(0xc0000201) };
      show_text(inet_ntop(AF_INET, a, 46));
      show_text(inet_ntop(AF_INET, a, 10));
      show_text(inet_ntop(AF_INET, a, 9));
      show_text(inet_ntop(AF_INET, a, 0));
      show_text(inet_ntop(AF_UNIX, a, 46));
      show_text(inet_ntoa(a));
    },
  ),
  situation(
    "htons, htonl, and back",
    `unsigned values[] = { 0, 1, 80, 255, 256, 2000, 65535 };
     for (int i = 0; i < 7; i++) { show(htons(values[i])); show(ntohs(values[i])); show(htonl(values[i])); show(ntohl(values[i])); }
     show(htonl(0xffffffff)); show(htonl(0x7f000001));`,
    () => {
      for (const value of [0, 1, 80, 255, 256, 2000, 65535]) {
        show(htons(value));
        show(ntohs(value));
        show(htonl(value));
        show(ntohl(value));
      }
      show(htonl(0xffffffff));
      show(htonl(0x7f000001));
    },
  ),
  situation("strerror of every number", `for (int i = -2; i < 140; i++) show_text(strerror(i));`, () => {
    for (let i = -2; i < 140; i++) show_text(strerror(i));
  }),
  situation("gai_strerror of every code", `for (int i = -20; i < 5; i++) show_text(gai_strerror(i));`, () => {
    for (let i = -20; i < 5; i++) show_text(gai_strerror(i));
  }),
  situation(
    "if_nametoindex and if_indextoname",
    `char room[IF_NAMESIZE];
     show(if_nametoindex("lo")); show_text(if_indextoname(1, room));
     if (if_nametoindex("nosuchdev") == 0) show(-1);
     if (if_nametoindex("a-name-that-is-too-long") == 0) show(-1);
     if (if_nametoindex("") == 0) show(-1);
     show_text(if_indextoname(0, room)); show_text(if_indextoname(1000000, room)); show_text(if_indextoname(0xffffffff, room));`,
    () => {
      show(if_nametoindex("lo"));
      show_text(if_indextoname(1));
      for (const name of ["nosuchdev", "a-name-that-is-too-long", ""])
        if (if_nametoindex(name) === 0) show(-1);
      show_text(if_indextoname(0));
      show_text(if_indextoname(1000000));
      show_text(if_indextoname(0xffffffff));
    },
  ),
  situation(
    "getservbyname and getservbyport",
    `struct servent *found[] = { NULL, NULL, NULL, NULL, NULL, NULL, NULL };
     for (int i = 0; i < 7; i++) {
       if (i == 0) found[i] = getservbyname("http", NULL);
       if (i == 1) found[i] = getservbyname("domain", "udp");
       if (i == 2) found[i] = getservbyname("www", "tcp");
       if (i == 3) found[i] = getservbyname("nosuchservice", NULL);
       if (i == 4) found[i] = getservbyport(htons(80), "tcp");
       if (i == 5) found[i] = getservbyport(htons(53), NULL);
       if (i == 6) found[i] = getservbyport(htons(80), "nosuchproto");
       if (!found[i]) { puts("none"); continue; }
       show_text(found[i]->s_name); show(ntohs(found[i]->s_port)); show_text(found[i]->s_proto);
       for (char **alias = found[i]->s_aliases; *alias; alias++) show_text(*alias);
     }`,
    () => {
      const found = [
        getservbyname("http", null),
        getservbyname("domain", "udp"),
        getservbyname("www", "tcp"),
        getservbyname("nosuchservice", null),
        getservbyport(htons(80), "tcp"),
        getservbyport(htons(53), null),
        getservbyport(htons(80), "nosuchproto"),
      ];
      for (const one of found) {
        if (one === null) {
          none();
          continue;
        }
        show_text(one.s_name);
        show(ntohs(one.s_port));
        show_text(one.s_proto);
        for (const alias of one.s_aliases) show_text(alias);
      }
    },
  ),
  situation(
    "getaddrinfo: numbers, flags, and what cannot be",
    `struct { const char *node, *service; struct addrinfo hints; } questions[] = {
       ${QUESTIONS.map(([node, service, ...hints]) => `{ ${cText(node)}, ${cText(service)}, { ${hints.join(", ")} } }`).join(",\n")}
     };
     for (int i = 0; i < ${QUESTIONS.length}; i++) {
       struct addrinfo *res = NULL;
       printf("question %d\\n", i);
       int code = getaddrinfo(questions[i].node, questions[i].service, &questions[i].hints, &res);
       printf("code %d\\n", code);
       ${PRINT_LIST}
       if (res) freeaddrinfo(res);
     }`,
    () => {
      QUESTIONS.forEach(([node, service, ai_flags, ai_family, ai_socktype, ai_protocol], i) => {
        ask(i, node, service, { ai_flags, ai_family, ai_socktype, ai_protocol });
      });
    },
  ),
  situation(
    "getaddrinfo without hints",
    `struct addrinfo *res = NULL;
     printf("question 0\\ncode %d\\n", getaddrinfo("127.0.0.1", "80", NULL, &res));
     ${PRINT_LIST}
     res = NULL; printf("question 1\\ncode %d\\n", getaddrinfo(NULL, "http", NULL, &res));
     ${PRINT_LIST}`,
    () => {
      ask(0, "127.0.0.1", "80", null);
      ask(1, null, "http", null);
    },
  ),
  situation(
    "getnameinfo: numbers, services, too little room, nothing wanted",
    `sockaddr_in name = address(0xc0000201, htons(80)); char host[1025], serv[32];
     sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(53) }; inet_pton(AF_INET6, "fe80::1", &six.sin6_addr); six.sin6_scope_id = 1;
     sockaddr_un path = unix_address("some/path");
     #define ASK(a, l, h, hl, s, sl, f) { int code = getnameinfo((struct sockaddr *)&a, l, h, hl, s, sl, f); printf("code %d\\n", code); if (code == 0) { if (h) show_text(host); if (s) show_text(serv); } }
     ASK(name, 16, host, 1025, serv, 32, NI_NUMERICHOST | NI_NUMERICSERV)
     ASK(name, 16, host, 1025, serv, 32, NI_NUMERICHOST)
     ASK(name, 16, NULL, 0, serv, 32, 0)
     ASK(name, 16, host, 10, NULL, 0, NI_NUMERICHOST)
     ASK(name, 16, host, 9, NULL, 0, NI_NUMERICHOST)
     ASK(name, 16, NULL, 0, serv, 3, NI_NUMERICSERV)
     ASK(name, 16, NULL, 0, serv, 2, NI_NUMERICSERV)
     ASK(name, 16, NULL, 0, NULL, 0, 0)
     ASK(name, 15, host, 1025, NULL, 0, NI_NUMERICHOST)
     ASK(name, 0, host, 1025, NULL, 0, NI_NUMERICHOST)
     ASK(name, 16, host, 1025, serv, 32, 0x4000)
     ASK(six, 28, host, 1025, serv, 32, NI_NUMERICHOST | NI_DGRAM)
     ASK(path, sizeof path, NULL, 0, serv, 32, NI_NUMERICSERV)
     name.sin_family = 999; ASK(name, 16, host, 1025, serv, 32, NI_NUMERICHOST)`,
    () => {
      const name = address(0xc0000201, htons(80));
      const six = sockaddr_in6({ sin6_family: AF_INET6, sin6_port: htons(53), sin6_scope_id: 1 });
      inet_pton(AF_INET6, "fe80::1", six.sin6_addr);
      const path = unix_address("some/path");
      type Args = Parameters<typeof getnameinfo>;
      const [host, serv] = [{ value: "" }, { value: "" }];
      const ask = (...args: Args): void => {
        const code = getnameinfo(...args);
        code_is(code);
        if (code !== 0) return;
        if (args[2]) show_text(host.value);
        if (args[4]) show_text(serv.value);
      };
      ask(name, 16, host, 1025, serv, 32, NI_NUMERICHOST | NI_NUMERICSERV);
      ask(name, 16, host, 1025, serv, 32, NI_NUMERICHOST);
      ask(name, 16, null, 0, serv, 32, 0);
      ask(name, 16, host, 10, null, 0, NI_NUMERICHOST);
      ask(name, 16, host, 9, null, 0, NI_NUMERICHOST);
      ask(name, 16, null, 0, serv, 3, NI_NUMERICSERV);
      ask(name, 16, null, 0, serv, 2, NI_NUMERICSERV);
      ask(name, 16, null, 0, null, 0, 0);
      ask(name, 15, host, 1025, null, 0, NI_NUMERICHOST);
      ask(name, 0, host, 1025, null, 0, NI_NUMERICHOST);
      ask(name, 16, host, 1025, serv, 32, 0x4000);
      ask(six, 28, host, 1025, serv, 32, NI_NUMERICHOST | NI_DGRAM);
      ask(path, 110, null, 0, serv, 32, NI_NUMERICSERV);
      name.sin_family = 999;
      ask(name, 16, host, 1025, serv, 32, NI_NUMERICHOST);
    },
  ),
  situation(
    "gethostname, with room for it and without",
    `char name[256];
     show(gethostname(name, 256)); show_text(name); show(gethostname(name, 1)); show(gethostname(name, 0));`,
    () => {
      const name = { value: "" };
      show(gethostname(name, 256));
      show_text(name.value);
      show(gethostname(name, 1));
      show(gethostname(name, 0));
    },
  ),
];

function none(): void {
  print("none");
}

function code_is(code: number): void {
  print(`code ${code}`);
}

function ask(i: number, node: string | null, service: string | null, hints: addrinfo_hints | null): void {
  print(`question ${i}`);
  const res: addrinfo[] = [];
  const code = getaddrinfo(node, service, hints, res);
  code_is(code);
  print_list(res);
  freeaddrinfo(res);
}
