import { readFileSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'

const client = new URL('../../dist/client/', import.meta.url)
type Chunk = { file: string; imports?: string[] }

test("the checkout's script is at most 60 kB compressed, including everything it needs at first", () => {
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', client), 'utf8')) as Record<string, Chunk>
  const files = new Set<string>()
  const visit = (name: string) => {
    const chunk = manifest[name]
    if (!chunk || files.has(chunk.file)) return
    files.add(chunk.file)
    chunk.imports?.forEach(visit)
  }
  visit('src/checkout/client.tsx')
  expect(files.size).toBeGreaterThan(0)
  const bytes = [...files].map((file) => brotliCompressSync(readFileSync(new URL(file, client))).length)
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(60_000)
})
