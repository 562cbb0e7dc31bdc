/** `npm start`: a real conversation between `windsock listen` and `windsock connect`, side by side. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const CLI = new URL("../dist/cli/main.js", import.meta.url).pathname;
const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
const SIDES = { listen: paint(36, "listen "), connect: paint(33, "connect") };
type Side = keyof typeof SIDES;

const show = (side: Side, mark: string, text: string): void => console.log(`${SIDES[side]} ${mark} ${text}`);

function start(side: Side, args: string[]): ChildProcessWithoutNullStreams {
  show(side, "$", `windsock ${args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(" ")}`);
  const child = spawn(process.execPath, [CLI, ...args]);
  createInterface({ input: child.stderr }).on("line", (line) => show(side, paint(90, "·"), paint(90, line)));
  child.on("error", (error) => {
    throw error;
  });
  return child;
}

const listen = start("listen", ["listen", "localhost", "0"]);
const [first] = (await once(listen.stderr, "data")) as [Buffer];
const port = /:(\d+)\n/.exec(first.toString())?.[1];
if (port === undefined) throw new Error(`windsock listen said no port: ${first}`);

const heard = once(listen.stdout, "data");
const connect = start("connect", ["connect", "--explain", "localhost", port, "hello, who is there?"]);
const answered = once(connect.stdout, "data");
show("listen", "<", String((await heard)[0]));
const answer = "a real socket, in TypeScript";
show("listen", ">", answer);
listen.stdin.end(answer);
show("connect", "<", String((await answered)[0]));

const codes = await Promise.all([once(listen, "exit"), once(connect, "exit")]);
if (codes.some(([code]) => code !== 0)) process.exit(1);
console.log(
  `\nNow you: "npx windsock listen 2000" in one terminal, "npx windsock connect localhost 2000 hello" in another.`,
);
