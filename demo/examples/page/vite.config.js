import { defineConfig } from 'vite';

// `/sts` is the token endpoint of your server.
const server = { host: '127.0.0.1', proxy: { '/sts': process.env.TOKEN_SERVER ?? 'http://127.0.0.1:9001' } };
export default defineConfig({ server });
