/** A small chart over time, drawn by uPlot. Its text says the newest value, for those who cannot see it. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { language, theme } from '../settings.ts';
import { timeOfDay } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { marksBetween, type Points } from '../transfer/figures.ts';

interface ChartProps {
  readonly name: string;
  readonly points: Points;
  /** Writes a value with its unit. */
  readonly write: (value: number) => string;
  /** Returns the texts of the marks of the axis. */
  readonly writeAxis: (values: readonly number[]) => string[];
  /** `points` for values that belong to single requests. */
  readonly drawing: 'line' | 'points';
  /** The axis always reaches this value. */
  readonly least: number;
  /** The axis has marks at powers of two, or at round decimal numbers. */
  readonly counting: 'binary' | 'decimal';
}

const HEIGHT = 120;

export function Chart({ name, points, ...how }: ChartProps) {
  const last = points[1].findLast((value) => value !== null) ?? undefined;
  return (
    <figure class="chart">
      <figcaption>
        <span>{name}</span>
        {last !== undefined && <b>{how.write(last)}</b>}
      </figcaption>
      {last === undefined ? (
        <p class="none">{t('chartEmpty')}</p>
      ) : (
        <Plot {...how} points={points} text={t('chartNow', { name, value: how.write(last) })} />
      )}
    </figure>
  );
}

type Drawn = Omit<ChartProps, 'name' | 'points'>;

function Plot({ points, text, ...how }: Drawn & { readonly points: Points; readonly text: string }) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const isDark = usePrefersDark();
  useEffect(() => {
    const { current } = frame;
    if (!current) return;
    const chart = new UPlot(optionsOf(current, how), dataOf(points), current);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: current.clientWidth, height: HEIGHT }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [...Object.values(how), isDark, theme.value, language.value]);
  useEffect(() => plot.current?.setData(dataOf(points)), [points]);
  return <div ref={frame} role="img" aria-label={text} />;
}

function dataOf([times, values]: Points): UPlot.AlignedData {
  return [[...times], [...values]];
}

function optionsOf(element: HTMLElement, { drawing, writeAxis, least, counting }: Drawn): UPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--plot-text'),
    grid: { stroke: colour('--plot-grid'), width: 1 },
    ticks: { show: false },
  };
  const font = `11px ${style.fontFamily}`;
  const line = { stroke: colour('--plot-line'), width: 1.5 };
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    // The time below the last point needs room.
    padding: [8, 26, null, null],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      // The range that uPlot proposes for a single point is a whole day.
      x: { range: ({ data: [times] }) => rangeOf(times) },
      y: { range: (_plot, _low, high) => [0, Math.max(high || 0, least) * 1.1] },
    },
    axes: [
      {
        ...{ ...axis, font, size: 22, space: 90, incrs: SECONDS },
        splits: (_plot, _axis, from, to, step) => marksBetween(from, to, step),
        values: (_plot, times) => times.map((time) => timeOfDay(time * 1000)),
      },
      { ...axis, font, size: 74, space: 34, incrs: STEPS[counting], values: (_plot, values) => writeAxis(values) },
    ],
    series: [
      {},
      drawing === 'line'
        ? { ...line, fill: colour('--plot-fill'), points: { show: false } }
        : {
            ...line,
            points: { show: ({ data: [times] }) => times.length < CROWDED, size: 4, fill: colour('--plot-line') },
          },
    ],
  };
}

/** If there are more points than this, their dots would touch each other, so the chart draws only the line. */
const CROWDED = 80;
/** The shortest time that a chart shows, s. */
const SHORTEST = 4;

function rangeOf(times: ArrayLike<number>): [number, number] {
  const first = times[0] ?? 0;
  return [first, Math.max(times[times.length - 1] ?? first, first + SHORTEST)];
}

/** The steps between the marks of the time, s. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

/** The steps between the marks of an axis. Bytes are counted in powers of two, and times in decimal numbers. */
const STEPS = {
  binary: Array.from({ length: 34 }, (_, power) => 2 ** power),
  decimal: Array.from({ length: 7 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat(),
};

/** Draws the chart again when the colours of the system change. */
function usePrefersDark(): boolean {
  const query = useRef(matchMedia('(prefers-color-scheme: dark)'));
  const isDark = useSignal(query.current.matches);
  useEffect(() => {
    const { current } = query;
    const follow = () => (isDark.value = current.matches);
    current.addEventListener('change', follow);
    return () => current.removeEventListener('change', follow);
  }, []);
  return isDark.value;
}
