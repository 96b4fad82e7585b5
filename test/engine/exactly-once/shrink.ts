/** Makes schedules that are a little smaller. The largest reductions come first. */
import type { FaultPlan, Schedule, SourcePlan, Step, WriterPlan } from './schedule.ts';

/** Returns all schedules that are one reduction away. */
export function* smaller(schedule: Schedule): Generator<Schedule, void, void> {
  for (const writers of without(schedule.writers)) if (writers.length > 0) yield { ...schedule, writers };
  for (const faults of without(schedule.faults)) yield { ...schedule, faults };
  for (const writers of eachReplaced(schedule.writers, smallerWriters)) yield { ...schedule, writers };
  for (const faults of eachReplaced(schedule.faults, smallerFaults)) yield { ...schedule, faults };
  yield* plainer(schedule);
}

function* plainer(schedule: Schedule): Generator<Schedule, void, void> {
  const plain: Partial<Schedule>[] = [
    { signing: 'none' },
    { hidden: 'nothing' },
    { unreadable: false },
    { lengths: 'reported' },
    { coded: 'no' },
    { latency: 0 },
    { initial: null },
    { initial: 0 },
    { maxAttempts: 8 },
    { timeout: 1000 },
  ];
  for (const change of plain) {
    const [name, value] = Object.entries(change)[0] as [keyof Schedule, unknown];
    const before = schedule[name];
    // An object of one byte is smaller than an object of two bytes, but no object is the smallest.
    if (before !== value && !(name === 'initial' && before === null)) yield { ...schedule, ...change };
  }
}

function* smallerWriters(writer: WriterPlan): Generator<WriterPlan, void, void> {
  for (const steps of without(writer.steps)) if (steps.length > 0) yield { ...writer, steps };
  for (const steps of eachReplaced(writer.steps, smallerSteps)) yield { ...writer, steps };
  const { file } = writer;
  if (file && file.size > 0) yield { ...writer, file: { ...file, size: file.size >> 1 } };
  if (file && file.size > 1) yield { ...writer, file: { ...file, size: file.size - 1 } };
  if (writer.flushAfter !== null) yield { ...writer, flushAfter: null };
  if (writer.segmentSize !== null && writer.segmentSize > 1) yield { ...writer, segmentSize: writer.segmentSize >> 1 };
}

function* smallerSteps(step: Step): Generator<Step, void, void> {
  if ('abort' in step) {
    const { abort, ...rest } = step;
    yield rest as Step;
  }
  if ('queue' in step) {
    const { queue, ...rest } = step;
    yield rest as Step;
  }
  if (step.do === 'wait' && step.delay > 1) yield { ...step, delay: step.delay >> 1 };
  if (step.do === 'write') for (const sizes of without(step.sizes)) if (sizes.length > 0) yield { ...step, sizes };
  if (step.do === 'end' && step.how !== 'killed') yield { ...step, how: 'killed' };
  if (step.do === 'end' && step.microtasks > 0) yield { ...step, microtasks: step.microtasks >> 1 };
  if (step.do === 'reload' && step.segmentSize !== undefined) yield { do: 'reload', tail: step.tail };
  if (step.do === 'append') for (const source of smallerSources(step.source)) yield { ...step, source };
}

function* smallerSources(source: SourcePlan): Generator<SourcePlan, void, void> {
  const { form, chunks, gap, failAt, reuse } = source;
  const whole = chunks.reduce((sum, size) => sum + size, 0);
  if (form !== 'bytes') yield { form: 'bytes', chunks: whole > 0 ? [whole] : [] };
  if (gap !== undefined) yield { form, chunks, ...(failAt === undefined ? {} : { failAt }) };
  if (reuse) yield { form, chunks };
  if (chunks.length > 1) yield { ...source, chunks: [whole] };
  for (const fewer of without(chunks)) yield { ...source, chunks: fewer };
  for (const less of eachReplaced(chunks, half)) yield { ...source, chunks: less };
}

function* half(size: number): Generator<number, void, void> {
  if (size > 1) yield size >> 1;
  if (size > 0) yield size - 1;
}

function* smallerFaults(fault: FaultPlan): Generator<FaultPlan, void, void> {
  if (fault.times > 1) yield { ...fault, times: 1 };
  if (fault.nth > 1) yield { ...fault, nth: fault.nth - 1 };
}

function* without<T>(list: readonly T[]): Generator<T[], void, void> {
  for (const index of list.keys()) yield list.toSpliced(index, 1);
}

function* eachReplaced<T>(list: readonly T[], replace: (item: T) => Iterable<T>): Generator<T[], void, void> {
  for (const [index, item] of list.entries()) for (const less of replace(item)) yield list.with(index, less);
}
