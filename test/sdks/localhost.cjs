// Browsers know every name below localhost. Node asks the system, and some systems do not know these names.
const dns = require('node:dns');

const { lookup } = dns;
dns.lookup = (hostname, options, callback) =>
  lookup.call(dns, hostname.endsWith('.localhost') ? '127.0.0.1' : hostname, options, callback);
