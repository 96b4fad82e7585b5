/** A small chart over time, drawn by uPlot. Its text says the newest value, for those who cannot see it. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { language, theme } from '../settings.ts';
import { timeOfDay } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { Points } from '../transfer/figures.ts';

interface ChartProps {
  readonly name: string;
  readonly points: Points;
  /** Writes a value with its unit. */
  readonly write: (value: number) => string;
  /** `points` for values that belong to single requests. */
  readonly drawing: 'line' | 'points';
  /** The axis always reaches this value. */
  readonly least: number;
}

const HEIGHT = 120;

export function Chart({ name, points, write, drawing, least }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const isDark = usePrefersDark();
  const last = points[1].findLast((value) => value !== null) ?? undefined;
  const text = last === undefined ? t('chartEmpty') : t('chartNow', { name, value: write(last) });
  useEffect(() => {
    const { current } = frame;
    if (!current) return;
    const chart = new UPlot(optionsOf(current, { drawing, write, least }), dataOf(points), current);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: current.clientWidth, height: HEIGHT }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [drawing, isDark, theme.value, language.value, write, least]);
  useEffect(() => plot.current?.setData(dataOf(points)), [points]);
  return (
    <figure class="chart">
      <figcaption>
        <span>{name}</span>
        <b>{last === undefined ? '–' : write(last)}</b>
      </figcaption>
      <div ref={frame} role="img" aria-label={text} />
    </figure>
  );
}

/** uPlot draws nothing without two points. */
function dataOf([times, values]: Points): UPlot.AlignedData {
  return [[...times], [...values]];
}

type Drawn = Pick<ChartProps, 'drawing' | 'write' | 'least'>;

function optionsOf(element: HTMLElement, { drawing, write, least }: Drawn): UPlot.Options {
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
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { range: (_plot, first, last) => [first, Math.max(last, first + SHORTEST)] },
      y: { range: (_plot, _low, high) => [0, Math.max(high || 0, least) * 1.1] },
    },
    axes: [
      { ...axis, font, size: 22, space: 90, values: (_plot, times) => times.map((time) => timeOfDay(time * 1000)) },
      { ...axis, font, size: 74, space: 34, incrs: STEPS, values: (_plot, values) => values.map(write) },
    ],
    series: [
      {},
      drawing === 'line'
        ? { ...line, fill: colour('--plot-fill'), points: { show: false } }
        : { ...line, points: { show: true, size: 4, fill: colour('--plot-line') } },
    ],
  };
}

/** The shortest time that a chart shows, s. */
const SHORTEST = 4;
/** The steps of an axis: powers of two, because bytes are counted so. */
const STEPS = Array.from({ length: 34 }, (_, power) => 2 ** power);

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
