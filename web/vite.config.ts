import { fileURLToPath } from 'node:url'
import { build, defineConfig, type Plugin } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Components are written for React and run on Preact, which is a tenth of its size (docs/decisions/0006). */
const onPreact = {
  'react/jsx-runtime': 'preact/jsx-runtime',
  'react-dom/client': 'preact/compat/client',
  'react-dom': 'preact/compat',
  react: 'preact/compat',
}

/**
 * The drop-in: the script of its frame, and `hitpay.js`, which merchants' pages load like any old script: one function
 * without import or export, and nothing that a browser of 2019 could not read.
 */
const dropIn: Plugin = {
  name: 'drop-in',
  applyToEnvironment: ({ name }) => name === 'client',
  buildStart() {
    this.emitFile({ type: 'chunk', id: at('src/drop-in/hitpay-iframe.ts'), name: 'hitpay-iframe' })
  },
  async generateBundle() {
    const made = await build({
      configFile: false,
      root: at('.'),
      publicDir: false,
      logLevel: 'warn',
      build: { write: false, target: 'es2019', lib: { entry: at('src/drop-in/hitpay.ts'), formats: ['iife'], name: 'hitpay', fileName: () => 'hitpay.js' } },
    })
    const [output] = [made].flat().flatMap((one) => ('output' in one ? one.output : []))
    if (output?.type !== 'chunk') throw new Error('hitpay.js was not made')
    this.emitFile({ type: 'asset', fileName: 'hitpay.js', source: output.code })
  },
}

/** `vite build` makes what browsers load; `vite build --ssr` what the server renders pages with. */
export default defineConfig(({ isSsrBuild }) => ({
  root: at('.'),
  base: '/',
  publicDir: false,
  resolve: { alias: onPreact },
  plugins: isSsrBuild ? [] : [dropIn],
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
            entryFileNames: 'assets/[name]-[hash].js',
            chunkFileNames: 'assets/[name]-[hash].js',
            assetFileNames: 'assets/[name]-[hash][extname]',
          },
        },
      },
}))
