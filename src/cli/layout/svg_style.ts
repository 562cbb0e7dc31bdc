/** What the SVG figures look like: colours for light and dark, and the hatching of padding. */

/** How many fills the fields take in turn. */
export const HUES = 6;

interface Colours {
  readonly background: string;
  readonly ink: string;
  readonly muted: string;
  readonly stroke: string;
  readonly padding: string;
  readonly hatch: string;
  readonly little: string;
  readonly big: string;
  readonly fills: readonly [string, string, string, string, string, string];
}

const LIGHT: Colours = {
  background: "#ffffff",
  ink: "#1b2330",
  muted: "#5b6675",
  stroke: "#48566a",
  padding: "#f3f4f6",
  hatch: "#b4bcc8",
  little: "#8a4b00",
  big: "#6b2fa0",
  fills: ["#d7e8fb", "#d9f2e0", "#fdebc8", "#f6dcec", "#e3def8", "#d5f0f0"],
};

const DARK: Colours = {
  background: "#12171f",
  ink: "#e8edf4",
  muted: "#9aa7b8",
  stroke: "#7d8ca1",
  padding: "#1a212b",
  hatch: "#465365",
  little: "#ffc46b",
  big: "#d3a6ff",
  fills: ["#1d3a5c", "#1e4632", "#54401a", "#512a44", "#38305f", "#1b474a"],
};

function rules(colours: Colours): string {
  const { background, ink, muted, stroke, padding, hatch, little, big, fills } = colours;
  return [
    `.b{fill:${background}}`,
    `text{fill:${ink}}`,
    `.o{fill:${muted}}`,
    `.little{fill:${little}}`,
    `.big{fill:${big}}`,
    `rect{stroke:${stroke}}`,
    `.p{fill:${padding}}`,
    `.l{stroke:${hatch}}`,
    `.k,.d{stroke:${stroke}}`,
    ...fills.map((fill, i) => `.f${i}{fill:${fill}}`),
  ].join("");
}

/** The style sheet and the pattern, for the start of the file. Later rules win over earlier ones of the same weight. */
export const STYLE = `<style>
text{font-size:13px}
.t{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.s{font-weight:600}.x{font-size:12px}.v{font-size:13px}.c{text-anchor:middle}.e{text-anchor:end}
rect{stroke-width:1.25}.b{stroke:none}.h{fill:url(#hatch)}
.l,.k,.d{fill:none;stroke-width:1}.d{stroke-dasharray:2 4}
${rules(LIGHT)}
@media (prefers-color-scheme:dark){${rules(DARK)}}
</style>
<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="l" d="M0 0V7"/></pattern></defs>`;
