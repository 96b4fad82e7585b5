/** Says in the language of the page what the doctor found. */
import type { Finding } from '../../../src/doctor/index.ts';
import type { Language } from '../settings.ts';
import { findingsZh } from './findings-zh.ts';
import { fill } from './text.ts';

export function saysIn(language: Language, { code, says, mend, facts }: Finding): Pick<Finding, 'says' | 'mend'> {
  if (language === 'en') return { says, mend };
  const [zhSays, zhMend] = findingsZh[code];
  return { says: fill(zhSays, facts), mend: fill(zhMend, facts) };
}
