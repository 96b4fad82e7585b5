// Node asks the system for names, and not every system knows the names below localhost, as browsers do.
const dns = require('node:dns');

const { lookup } = dns;
dns.lookup = (hostname, options, callback) =>
  lookup.call(dns, hostname.endsWith('.localhost') ? '127.0.0.1' : hostname, options, callback);
