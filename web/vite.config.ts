import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Components are written for React and run on Preact, which is a tenth of its size (docs/decisions/0006). */
const onPreact = {
  'react/jsx-runtime': 'preact/jsx-runtime',
  'react-dom/client': 'preact/compat/client',
  react: 'preact/compat',
}

/** Scripts whose address is fixed, because merchants' pages name them. */
const fixedNames = new Set(['hitpay', 'hitpay-iframe'])

/** `vite build` makes what browsers load; `vite build --ssr` what the server renders pages with. */
export default defineConfig(({ isSsrBuild }) => ({
  root: at('.'),
  base: '/',
  publicDir: false,
  resolve: { alias: onPreact },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  ssr: { noExternal: true },
  build: isSsrBuild
    ? {
        ssr: true,
        outDir: at('dist/server'),
        emptyOutDir: true,
        target: 'node20',
        rollupOptions: { input: at('src/render.tsx'), output: { entryFileNames: 'render.js' } },
      }
    : {
        outDir: at('dist/client'),
        emptyOutDir: true,
        manifest: 'manifest.json',
        target: 'es2022',
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        cssCodeSplit: true,
        rollupOptions: {
          input: {
            checkout: at('src/checkout/client.tsx'),
            plain: at('src/ui/plain.ts'),
            sandbox: at('src/sandbox/client.tsx'),
            simulated: at('src/sandbox/plain.ts'),
          },
          output: {
            entryFileNames: ({ name }) => (fixedNames.has(name) ? '[name].js' : 'assets/[name]-[hash].js'),
            chunkFileNames: 'assets/[name]-[hash].js',
            assetFileNames: 'assets/[name]-[hash][extname]',
          },
        },
      },
}))
