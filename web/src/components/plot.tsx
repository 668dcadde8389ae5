import { useId, type ReactNode } from "react";

/** The inner square of a plot, in units of its view box: what is drawn in it is placed by `x` and `y`. */
const BOX = { left: 58, top: 10, size: 260, width: 346, height: 322 };

export interface Tick {
  /** Its place on the axis, 0..1. */
  at: number;
  text: string;
}

/** The place of a share (0..1) of the horizontal axis. */
export const x = (share: number) => BOX.left + share * BOX.size;
/** The place of a share (0..1) of the vertical axis. */
export const y = (share: number) => BOX.top + (1 - share) * BOX.size;

/** A square plot with two axes; a table with the same figures belongs below it. */
export function Plot({
  title,
  about,
  across,
  up,
  ticks,
  children,
}: {
  title: string;
  /** What it shows, in a sentence. */
  about: string;
  across: string;
  up: string;
  ticks: { across: Tick[]; up: Tick[] };
  children: ReactNode;
}) {
  const id = useId();
  const bottom = y(0);
  const middle = BOX.left + BOX.size / 2;
  return (
    <svg className="plot" viewBox={`0 0 ${BOX.width} ${BOX.height}`} role="img" aria-labelledby={`${id}t ${id}d`}>
      <title id={`${id}t`}>{title}</title>
      <desc id={`${id}d`}>{about}</desc>
      <rect className="frame" x={BOX.left} y={BOX.top} width={BOX.size} height={BOX.size} />
      {ticks.across.map(({ at, text }) => (
        <g key={text}>
          <line className="grid" x1={x(at)} y1={BOX.top} x2={x(at)} y2={bottom} />
          <text x={x(at)} y={bottom + 18} textAnchor="middle">
            {text}
          </text>
        </g>
      ))}
      {ticks.up.map(({ at, text }) => (
        <g key={text}>
          <line className="grid" x1={BOX.left} y1={y(at)} x2={BOX.left + BOX.size} y2={y(at)} />
          <text x={BOX.left - 7} y={y(at) + 4} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      <text className="axis" x={middle} y={bottom + 40} textAnchor="middle">
        {across}
      </text>
      <text className="axis" transform={`rotate(-90 12 ${BOX.top + BOX.size / 2})`} x={12} y={BOX.top + BOX.size / 2} textAnchor="middle">
        {up}
      </text>
      {children}
    </svg>
  );
}

/** Ticks at a quarter of the whole each. */
export const PERCENT: Tick[] = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, text: `${at * 100} %` }));

/** A logarithmic axis that holds all values: where a value is (0..1), and ticks at round numbers. */
export function logarithmic(values: number[]): { place: (value: number) => number; ticks: Tick[] } {
  const least = 0.5;
  const held = values.map((value) => Math.max(value, least));
  const low = Math.log10(Math.min(...held) * 0.7);
  const high = Math.log10(Math.max(...held) * 1.4);
  const place = (value: number) => Math.min(1, Math.max(0, (Math.log10(Math.max(value, least)) - low) / (high - low)));
  const round = [-1, 0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => [1, 2, 5].map((base) => base * 10 ** power));
  const inside = round.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  const shown = inside.length <= 7 ? inside : inside.filter((value) => Number.isInteger(Math.log10(value)));
  return { place, ticks: shown.map((value) => ({ at: place(value), text: String(Number(value.toPrecision(1))) })) };
}
