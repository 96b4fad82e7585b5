// Declares the exports of the peers that the page imports. The compiler does not find the packages, because they are
// installed in test/peers.
declare module 'aws4fetch' {
  export const AwsV4Signer: unknown;
}
declare module 'hash-wasm' {
  export const createCRC64: unknown;
}
declare module 'tiny-oss' {
  const TinyOss: unknown;
  export default TinyOss;
}
