/** A ruler of the object: it grows segment by segment, and each segment shows its state. */

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { bytes } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { type Block, layOut, marksOf } from '../transfer/ruler.ts';
import type { Transfer } from '../transfer/transfer.ts';

const HEIGHT = 28;

export function Ruler({ transfer }: { readonly transfer: Transfer }) {
  const { frame, width } = useWidth();
  const { segments } = transfer.story.value;
  const total = transfer.total.value;
  const stored =
    transfer.base.value + segments.reduce((sum, { state, size }) => sum + (state === 'stored' ? size : 0), 0);
  const values = { key: transfer.key, stored: bytes(stored), total: bytes(total), count: segments.length };
  const blocks = layOut(segments, { base: transfer.base.value, total, width });
  return (
    <figure class="ruler" ref={frame}>
      <svg
        width={width}
        height={HEIGHT + 20}
        role="img"
        aria-label={t(transfer.size === undefined ? 'rulerRecording' : 'rulerLabel', values)}
      >
        <rect class="ground" x="0" y="0" width={width} height={HEIGHT} rx="3" />
        {blocks.map(drawn)}
        {marksOf(total, width).map(({ x, bytes: at }) => (
          <g key={at}>
            <line class="tick" x1={x + 0.5} x2={x + 0.5} y1={HEIGHT} y2={HEIGHT + 5} />
            <text x={x + 3} y={HEIGHT + 16}>
              {at === 0 ? '0' : bytes(at)}
            </text>
          </g>
        ))}
      </svg>
      <Legend />
    </figure>
  );
}

function drawn({ x, width, state }: Block, index: number) {
  return <rect key={index} class={`block ${state}`} x={x} y="0" width={width} height={HEIGHT} />;
}

function Legend() {
  const entries = [
    ['earlier', t('legendEarlier')],
    ['stored', t('legendStored')],
    ['sent', t('legendSent')],
    ['lost', t('legendLost')],
    ['damaged', t('legendDamaged')],
  ] as const;
  return (
    <figcaption class="legend">
      {entries.map(([state, label]) => (
        <span key={state}>
          <svg width="12" height="12" aria-hidden="true">
            <rect class={`block ${state}`} width="12" height="12" />
          </svg>
          {label}
        </span>
      ))}
    </figcaption>
  );
}

/** Follows the width of an element. */
function useWidth() {
  const frame = useRef<HTMLElement>(null);
  const width = useSignal(300);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) width.value = Math.max(100, Math.floor(entry.contentRect.width));
    });
    if (frame.current) observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return { frame, width: width.value };
}
