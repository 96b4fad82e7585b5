// A loader for webpack 4, which cannot parse ES2022 (private members, `??=`). Applications use Babel or esbuild-loader for this.
const { transformSync } = require('esbuild');

/** Compiles a module to the newest syntax that webpack 4 can parse. The parser knows BigInt, which came after ES2019. */
module.exports = (source) => transformSync(source, { target: 'es2019', supported: { bigint: true } }).code;
