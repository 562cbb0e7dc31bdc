/** Reads a filter expression: the grammar of pcap-filter(7), with the precedences that libpcap gives its operators. */
import { ArithmeticParser } from "./_arithmetic_parser.ts";
import type { Arithmetic, Direction, Link, Qualifiers, Question, Value } from "./_syntax.ts";
import { type Token, tokenize } from "./_tokens.ts";
import { KIND_WORDS, type Kind, PROTOCOL_WORDS, type Protocol } from "./_words.ts";

/**
 * What stands between two of `and` and `or`. A *question* asks something whole. A *value* takes the words before it
 * from its neighbour (`host a or b`), as a lone *number* does. *Arithmetic* still needs a relation.
 */
type Item =
  | { readonly type: "question"; readonly question: Question; readonly words: Qualifiers | undefined }
  | { readonly type: "value"; readonly question: Question }
  | { readonly type: "number"; readonly question: Question; readonly arithmetic: Arithmetic }
  | { readonly type: "arithmetic"; readonly arithmetic: Arithmetic };

/**
 * @returns undefined for an empty text
 * @throws {FilterError}
 */
export function parse(text: string): Question | undefined {
  const tokens = tokenize(text);
  return tokens.length === 1 ? undefined : new Parser(text, tokens).parse();
}

class Parser extends ArithmeticParser {
  parse(): Question {
    const question = this.questions(this.item(undefined), undefined);
    if (this.token.kind !== "end") this.unexpected('"and", "or" or the end');
    return question;
  }

  /** A chain that begins with `first`. What a value inherits changes with each question: `host a or port b or c`. */
  private questions(first: Item, inherited: Qualifiers | undefined): Question {
    let words = inherited;
    const take = (item: Item, token: Token): Question => {
      if (item.type === "arithmetic") return this.relationMissing();
      if (item.type === "question") words = item.words;
      else if (words === undefined) this.bareValue(token);
      return item.question;
    };
    return this.chain(this.token, take(first, this.firstToken(first)), (token) =>
      take(this.item(words), token),
    );
  }

  /** Values in parentheses, which share the words before the parenthesis: `port (80 or 443)`. */
  private values(first: Question, words: Qualifiers | undefined): Question {
    return this.chain(first.token, first, (token) => {
      const item = this.item(words);
      if (item.type === "value" || item.type === "number") return item.question;
      return this.fail("a list that begins with a value without words before it has only such values", token);
    });
  }

  private chain(token: Token, first: Question, another: (token: Token) => Question): Question {
    const rest: Link[] = [];
    for (;;) {
      const operator = this.conjunction();
      if (operator === undefined) return rest.length === 0 ? first : { type: "chain", first, rest, token };
      rest.push({ operator, question: another(this.token) });
    }
  }

  private conjunction(): "and" | "or" | undefined {
    if (this.takeSign("and")) return "and";
    return this.takeSign("or") ? "or" : undefined;
  }

  private firstToken(item: Item): Token {
    return item.type === "arithmetic" ? item.arithmetic.token : item.question.token;
  }

  private item(words: Qualifiers | undefined): Item {
    const { token } = this;
    if (token.kind === "word") return this.wordItem(token);
    if (this.takeSign("!")) {
      const item = this.nested(token, () => this.item(words));
      if (item.type === "arithmetic") return this.relationMissing();
      const question: Question = { type: "not", of: item.question, token };
      return item.type === "question" ? { ...item, question } : { type: "value", question };
    }
    if (this.takeSign("(")) return this.nested(token, () => this.group(token, words));
    if (token.kind === "number" || this.isSign("-")) return this.comparison(this.primary(), token, words);
    const value = this.value();
    if (value === undefined) return this.unexpected("a question such as: tcp port 80");
    return { type: "value", question: { type: "value", qualifiers: words ?? {}, value, token } };
  }

  /** After "(": a chain of questions, a list of values, or arithmetic. */
  private group(open: Token, words: Qualifiers | undefined): Item {
    const first = this.item(words);
    if ((first.type === "number" || first.type === "arithmetic") && this.takeSign(")")) {
      return this.comparison(first.arithmetic, open, words);
    }
    if (first.type === "arithmetic") return this.relationMissing();
    const item: Item =
      first.type === "question"
        ? { type: "question", question: this.questions(first, words), words }
        : { type: "value", question: this.values(first.question, words) };
    if (!this.takeSign(")")) this.unexpected('")", "and" or "or"');
    return item;
  }

  /** What arithmetic is for: a relation. A number without one is a value. */
  private comparison(start: Arithmetic, token: Token, words: Qualifiers | undefined): Item {
    const left = this.arithmeticFrom(start);
    const relation = this.relation();
    if (relation !== undefined) {
      const right = this.arithmetic();
      return {
        type: "question",
        question: { type: "relation", relation, left, right, token },
        words: undefined,
      };
    }
    if (left.type !== "number") return { type: "arithmetic", arithmetic: left };
    const value: Value = { type: "number", text: this.quoted(left.token), value: left.value };
    const question: Question = { type: "value", qualifiers: words ?? {}, value, token };
    return { type: "number", question, arithmetic: left };
  }

  private relationMissing(): never {
    return this.unexpected("a relation (= != < <= > >=) or an operator");
  }

  private wordItem(token: Token): Item {
    const whole = (question: Question): Item => ({ type: "question", question, words: undefined });
    const protocol = PROTOCOL_WORDS.get(token.text);
    if (token.text === "len" || (protocol !== undefined && this.nextIsSign("["))) {
      return this.comparison(this.primary(), token, undefined);
    }
    if (protocol !== undefined) {
      this.next();
      return this.isQualifier()
        ? this.qualified(token, protocol)
        : whole(this.aboutProtocol(token, protocol));
    }
    if (this.isQualifier()) return this.qualified(token, undefined);
    this.next();
    return whole(this.otherQuestion(token));
  }

  private aboutProtocol(token: Token, protocol: Protocol): Question {
    if (this.takeWord("broadcast")) return { type: "cast", cast: "broadcast", protocol, token };
    if (this.takeWord("multicast")) return { type: "cast", cast: "multicast", protocol, token };
    if (protocol === "link")
      this.unexpected('"host", "src", "dst", "proto", "broadcast", "multicast" or "["');
    return { type: "protocol", protocol, token };
  }

  private otherQuestion(token: Token): Question {
    switch (token.text) {
      case "broadcast":
      case "multicast":
        return { type: "cast", cast: token.text, token };
      case "less":
      case "greater":
        return { type: "size", size: token.text, length: this.number("a length in bytes"), token };
      case "inbound":
      case "outbound":
        return { type: "bound", outbound: token.text === "outbound", token };
      case "ifindex":
        return { type: "ifindex", index: this.number("the index of an interface"), token };
      case "pppoed":
        return { type: "pppoed", token };
      case "vlan":
      case "mpls":
      case "pppoes": {
        const id = this.optionalNumber();
        return { type: "inside", inside: token.text, token, ...(id !== undefined && { id }) };
      }
      default:
        return this.fail(`"${token.text}" cannot stand here`, token, {
          expected: "a question such as: tcp port 80",
        });
    }
  }

  private isQualifier(): boolean {
    const { kind, text } = this.token;
    return kind === "word" && (text === "src" || text === "dst" || text === "proto" || KIND_WORDS.has(text));
  }

  /** The words before a value, and the value. */
  private qualified(token: Token, protocol: Protocol | undefined): Item {
    const direction = this.direction();
    let kind: Kind | undefined;
    if (this.token.kind === "word" && KIND_WORDS.has(this.token.text)) kind = this.next().text as Kind;
    else if (direction === undefined && this.takeWord("proto")) kind = "proto";
    const words: Qualifiers = {
      ...(protocol && { protocol }),
      ...(direction && { direction }),
      ...(kind && { kind }),
    };
    const question = this.qualifiedValue(words, kind);
    return { type: "question", question: question ?? this.valueMissing(token, kind), words };
  }

  private valueMissing(token: Token, kind: Kind | undefined): never {
    const expected = {
      host: "an address",
      net: "a network",
      port: "a port",
      portrange: "two ports: 80-90",
      proto: "a number, or a name (with a backslash where it is a word of its own: \\tcp)",
    };
    return this.unexpected(kind === undefined ? `a value after "${token.text}"` : expected[kind]);
  }

  private qualifiedValue(words: Qualifiers, kind: Kind | undefined): Question | undefined {
    const { token } = this;
    if (this.takeSign("!")) {
      const of = this.nested(token, () => this.qualifiedValue(words, kind));
      return { type: "not", of: of ?? this.valueMissing(token, kind), token };
    }
    if (this.takeSign("(")) {
      return this.nested(token, () => {
        const another = (): Question => this.qualifiedValue(words, kind) ?? this.valueMissing(token, kind);
        const list = this.chain(token, another(), another);
        if (!this.takeSign(")")) this.unexpected('")", "and" or "or"');
        return list;
      });
    }
    const value = this.token.kind === "number" ? this.numberValue() : this.value();
    return value && { type: "value", qualifiers: words, value, token };
  }

  private numberValue(): Value {
    const { text, value } = this.next();
    return { type: "number", text, value };
  }

  /** A name or an address. */
  private value(): Value | undefined {
    const { kind, text } = this.token;
    switch (kind) {
      case "name":
      case "mac":
        this.next();
        return { type: kind, text };
      case "ipv6": {
        this.next();
        return { type: kind, text, ...this.prefix() };
      }
      case "ipv4": {
        this.next();
        if (!this.takeWord("mask")) return { type: kind, text, ...this.prefix() };
        if (this.token.kind !== "ipv4") return this.unexpected("a netmask such as 255.255.255.0");
        return { type: kind, text, mask: this.next().text };
      }
      default:
        return undefined;
    }
  }

  private prefix(): { prefix?: number } {
    return this.takeSign("/") ? { prefix: this.number("the length of a prefix in bits") } : {};
  }

  private direction(): Direction | undefined {
    const { text } = this.token;
    if (!this.takeWord("src") && !this.takeWord("dst")) return undefined;
    const [first, other] = text === "src" ? (["src", "dst"] as const) : (["dst", "src"] as const);
    const operator = this.conjunction();
    if (operator === undefined) return first;
    if (!this.takeWord(other)) this.unexpected(`"${other}"`);
    return `src ${operator} dst`;
  }

  private bareValue(token: Token): never {
    return this.fail(`${this.quoted(token)} has no word before it that says what it is`, token, {
      expected: `"host", "net", "port", "portrange" or "proto" before it`,
      suggest: true,
    });
  }
}
