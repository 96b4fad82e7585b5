// Finds the reasons why tests of other projects fail, and counts how often each reason occurs.

/** The reasons that LocalOss gives, and hosts, objects and operations that exist only at Alibaba Cloud. */
const KNOWN = [
  /LocalOss does not implement [\w ?-]+/,
  /\w*ColdArchive is not supported here/,
  /getaddrinfo ENOTFOUND [\w.-]+aliyun\w*\.com/,
  /NoSuchVersion|NoSuchBucket|NoSuchKey/,
  /status(?: code)?:? 501/,
];

/** Counts the reasons in the texts of failed tests. The most frequent comes first. */
export function countReasons(texts) {
  const counts = new Map();
  for (const text of texts) {
    const reason = KNOWN.map((pattern) => pattern.exec(text)?.[0]).find(Boolean) ?? firstLine(text);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one);
}

/** Returns the first line, with the next one if the first ends in a colon. */
function firstLine(text) {
  const [first = 'no message', next = ''] = text.split('\n').filter((line) => line.trim() !== '');
  return `${first.trim()}${first.endsWith(':') ? ` ${next.trim()}` : ''}`.slice(0, 120);
}
