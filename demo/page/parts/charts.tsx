/** Throughput, size of the segments and round trips over time. */
import { bytes, bytesOfAxis, duration, rate, ratesOfAxis } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { Figures } from '../transfer/figures.ts';
import { Card } from './card.tsx';
import { Chart } from './chart.tsx';

const durations = (values: readonly number[]) => values.map(duration);

export function Charts({ figures }: { readonly figures: Figures }) {
  const { throughput, segments, roundTrips } = figures;
  return (
    <Card title={t('charts')} area="charts">
      <div class="charts">
        <Chart
          {...{ name: t('chartThroughput'), points: throughput.points.value, write: rate, writeAxis: ratesOfAxis }}
          {...{ drawing: 'line', least: 1024, counting: 'binary' }}
        />
        <Chart
          {...{ name: t('chartSegments'), points: segments.points.value, write: bytes, writeAxis: bytesOfAxis }}
          {...{ drawing: 'points', least: 1024, counting: 'binary' }}
        />
        <Chart
          {...{ name: t('chartRoundTrips'), points: roundTrips.points.value, write: duration, writeAxis: durations }}
          {...{ drawing: 'points', least: 10, counting: 'decimal' }}
        />
      </div>
    </Card>
  );
}
