/** The keys of the page. All that a button or the mouse can do has one. */

export interface Key {
  readonly keys: readonly string[];
  /** As a person reads it. */
  readonly shown: string;
  readonly does: string;
  readonly run: () => void;
}

/** Calls what a key is for, unless it is typed into a field or meant for a control that has the focus. */
export function listen(keys: readonly Key[]): void {
  const byName = new Map(keys.flatMap((key) => key.keys.map((name) => [name, key] as const)));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const name = event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
    if (takesKey(event.target, name)) return;
    const key = byName.get(name);
    if (key === undefined) return;
    event.preventDefault();
    key.run();
  });
}

function takesKey(target: EventTarget | null, name: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("input, select, textarea") !== null) return name !== "Escape";
  if (target.closest("button, a, summary") !== null) return name === " " || name === "Enter";
  if (target.closest("dialog") !== null) return name !== "?" && name !== "Escape";
  return false;
}
