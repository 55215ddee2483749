import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { testServer } from '#testing/api.ts'
import { rawGet } from '#testing/raw-get.ts'
import { codingFor, packedFile } from './packed-file.ts'

describe('a packed file', () => {
  test('a packed file is read once and compressed once for each coding', async () => {
    let reads = 0
    const file = packedFile(() => {
      reads += 1
      return 'kaya toast '.repeat(1_000)
    })
    const answers = await Promise.all(['br', 'br, gzip', 'gzip', 'gzip', ''].map((accepted) => file(accepted)))
    expect(answers.map(({ coding }) => coding)).toEqual(['br', 'br', 'gzip', 'gzip', 'identity'])
    expect([answers[0]?.body === answers[1]?.body, answers[2]?.body === answers[3]?.body, reads]).toEqual([true, true, 1])
    expect(brotliDecompressSync(answers[0]?.body ?? '')).toEqual(answers[4]?.body)
    expect(gunzipSync(answers[2]?.body ?? '')).toEqual(answers[4]?.body)
  })

  test('a small file is not compressed', async () => {
    expect(await packedFile(() => 'kopi')('br')).toEqual({ body: Buffer.from('kopi'), coding: 'identity', headers: { vary: 'Accept-Encoding' } })
  })

  test.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip;q=1.0, br;q=0', 'gzip'],
    ['br;q=0.000, gzip; q=0.0', 'identity'],
    ['BR', 'br'],
    ['*', 'identity'],
    [undefined, 'identity'],
  ])('a client that accepts %j gets %s', (accepted, coding) => {
    expect(codingFor(accepted)).toBe(coding)
  })
})

test('the API document, its reference and the pictures of methods are compressed as a client accepts it', async () => {
  const { url } = await testServer()
  const most = {
    '/openapi.json': 120_000,
    '/docs': 1_000,
    '/docs/swagger-ui-bundle.js': 500_000,
    '/docs/swagger-ui.css': 30_000,
    '/icons/methods/svg/grabpay_direct.svg': 4_000,
  }
  for (const [path, bytes] of Object.entries(most)) {
    const plain = await rawGet(url, path, {})
    const packed = await rawGet(url, path, { 'accept-encoding': 'gzip, br' })
    const isSmall = plain.body.length < 1024
    expect([path, plain.status, plain.headers['vary'], packed.headers['content-encoding']]).toEqual([path, 200, 'Accept-Encoding', isSmall ? undefined : 'br'])
    expect(packed.body.length, path).toBeLessThan(bytes)
    if (!isSmall) expect(brotliDecompressSync(packed.body).equals(plain.body)).toBe(true)
  }
})

test('each encoding of a picture has a tag of its own, with which it is not sent again', async () => {
  const { url } = await testServer()
  const path = '/icons/methods/svg/grabpay_direct.svg'
  const [plain, packed] = await Promise.all([rawGet(url, path, {}), rawGet(url, path, { 'accept-encoding': 'br' })])
  expect(plain.headers['etag']).not.toBe(packed.headers['etag'])
  const again = (etag: unknown, accepted: string) => rawGet(url, path, { 'accept-encoding': accepted, 'if-none-match': String(etag) })
  expect([(await again(packed.headers['etag'], 'br')).status, (await again(plain.headers['etag'], 'br')).status]).toEqual([304, 200])
})

test('every page has an icon, which is a picture', async () => {
  const { url } = await testServer()
  const svg = await rawGet(url, '/favicon.svg', {})
  expect([svg.status, svg.headers['content-type']]).toEqual([200, 'image/svg+xml'])
  const { status, body } = await rawGet(url, '/favicon.ico', {})
  expect([status, body.readUInt16LE(2), body.subarray(body.readUInt32LE(18) + 1, body.readUInt32LE(18) + 4).toString()]).toEqual([200, 1, 'PNG'])
  for (const path of ['/docs', '/sandbox/phone']) expect((await rawGet(url, path, {})).body.toString()).toContain('href="/favicon.svg"')
})
