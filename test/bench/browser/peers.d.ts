// What of the peers a page imports. They lie in test/peers, where the compiler does not look.
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
