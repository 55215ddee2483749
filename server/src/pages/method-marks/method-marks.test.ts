import { crc32, inflateSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { paymentMethods } from '#engine/rails/methods.ts'
import { type CardBrand, describeCard } from '#engine/rails/test-cards.ts'
import { presentListedMethod } from '#resources/payments/charges/payment-method-wire.ts'
import { aBusiness, send, type TestServer, testServer } from '#testing/api.ts'
import { aCharge, aPaidCharge, startPayments } from '#testing/payments.ts'
import { drawMark, toSvg } from './draw-mark.ts'
import { box } from './glyphs.ts'
import { outlines } from './letters.ts'
import { colours, marks } from './marks.ts'
import { toPixels } from './rasterise.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers })

const brands: CardBrand[] = ['visa', 'mastercard', 'amex', 'discover', 'diners', 'jcb', 'unionpay']
const sizes: Record<string, [width: number, height: number]> = { sm: [40, 24], md: [80, 48], lg: [160, 96], png_square: [96, 96] }

/** Reads a PNG according to its standard: chunks with right checksums, and as many bytes as there are pixels. */
function readPng(file: Buffer): { width: number; height: number; pixel: (x: number, y: number) => number[] } {
  expect(file.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a')
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at)
    const body = file.subarray(at + 4, at + 8 + length)
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(body))
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4))
    at += 12 + length
  }
  expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND'])
  const header = chunks.get('IHDR') ?? Buffer.alloc(0)
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  expect([...header.subarray(8)]).toEqual([8, 6, 0, 0, 0])
  const data = inflateSync(chunks.get('IDAT') ?? Buffer.alloc(0))
  expect(data.length).toBe(height * (1 + width * 4))
  return { width, height, pixel: (x, y) => [...data.subarray(y * (1 + width * 4) + 1 + x * 4).subarray(0, 4)] }
}

async function expectPicture(url: string, name: string): Promise<void> {
  const path = new URL(url).pathname
  const folder = path.split('/').at(-2) ?? ''
  const answer = await fetch(url)
  expect([path, answer.status]).toEqual([path, 200])
  const content = Buffer.from(await answer.arrayBuffer())
  const size = sizes[folder]
  if (!size) {
    expect(answer.headers.get('content-type')).toBe('image/svg+xml')
    const [width, height] = folder === 'svg_square' ? [40, 40] : [40, 24]
    expect(content.toString()).toMatch(
      new RegExp(`^<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`),
    )
    return
  }
  expect(answer.headers.get('content-type')).toBe('image/png')
  const { width, height, pixel } = readPng(content)
  expect([path, width, height]).toEqual([path, ...size])
  expect(pixel(0, 0)[3]).toBeLessThan(128)
  const ground = colours[marks.get(name)?.colour ?? 'slate'].ground
  expect(pixel(Math.floor(width / 2), 0)).toEqual([...Buffer.from(ground.slice(1), 'hex'), 255])
}

/** Relative luminance and contrast as WCAG 2.2 define them. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [...Buffer.from(colour.slice(1), 'hex')].map((byte) => {
    const value = byte / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

describe('pictures that responses link to', () => {
  const addresses = ({ sm, md, lg, svg, svg_square, png_square }: ReturnType<typeof presentListedMethod>['method_logo']) => [
    sm,
    md,
    lg,
    svg,
    svg_square,
    png_square,
  ]

  test('every picture that a charge links to exists', async () => {
    const payments = await startPayments()
    const client = await aBusiness({}, payments.server)
    await aPaidCharge(payments, client)
    const { display_logo, method_logo } = (await client.get('/v1/charges')).json.data[0].payment_method
    for (const url of addresses(display_logo)) await expectPicture(url, 'visa')
    for (const url of addresses(method_logo)) await expectPicture(url, 'card')
  })

  test('every method of the catalog and its older codes have a picture', async () => {
    const client = await aBusiness()
    const codes = paymentMethods.flatMap(({ code, aliases }) => [code, ...aliases])
    expect(codes.filter((code) => !marks.has(code))).toEqual([])
    for (const code of codes) {
      for (const url of addresses(presentListedMethod(aCharge(client, { method: code, card: null }), server.url).method_logo)) await expectPicture(url, code)
    }
  })

  test('every card brand has a picture in every spelling, and so has an unknown card', async () => {
    const client = await aBusiness()
    for (const brand of [...brands, 'American Express', 'Diners Club', describeCard('no card').brand]) {
      const charge = aCharge(client, { card: { brand, last4: '0000', country: '' } })
      const { display_logo } = presentListedMethod(charge, server.url)
      for (const url of addresses(display_logo)) await expectPicture(url, display_logo.iconName)
    }
  })
})

describe('serving pictures', () => {
  test('a picture needs no key, and is served with the headers that a browser needs', async () => {
    const answer = await get('/icons/methods/svg/visa.svg')
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'public, max-age=86400, immutable',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    })
    const etag = answer.headers.get('etag') ?? ''
    const again = await get('/icons/methods/svg/visa.svg', { 'if-none-match': etag })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    expect((await get('/icons/methods/svg/amex.svg', { 'if-none-match': etag })).status).toBe(200)
    const head = await fetch(`${server.url}/icons/methods/lg/visa.png`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type'), await head.text()]).toEqual([200, 'image/png', ''])
  })

  test.each([
    '/icons/methods/svg/nothing.svg',
    '/icons/methods/svg/visa.png',
    '/icons/methods/sm/visa.svg',
    '/icons/methods/sm/visa',
    '/icons/methods/huge/visa.png',
    '/icons/methods/svg/__proto__.svg',
    '/icons/methods/constructor/visa.svg',
    '/icons/methods/svg/..%2f..%2f..%2fpackage.json',
    '/icons/methods/..%2f..%2f/package.json',
    '/icons/methods/svg/visa.svg%00.svg',
    '/icons/methods/svg',
  ])('%s does not exist', async (path) => {
    const answer = await send(server, 'GET', path)
    expect([answer.status, answer.json.code, answer.headers.get('cache-control')]).toEqual([404, 'route_not_found', 'no-store'])
  })

  test('a picture accepts no other method', async () => {
    expect((await send(server, 'POST', '/icons/methods/svg/visa.svg')).status).toBe(405)
  })
})

describe('drawings', () => {
  test.each(Object.entries(colours))('%s is readable, and visible on light and dark pages', (_name, { ground, tint }) => {
    expect(contrast('#ffffff', ground)).toBeGreaterThanOrEqual(4.5)
    expect(contrast(tint, ground)).toBeGreaterThanOrEqual(3)
    expect(contrast(ground, '#ffffff')).toBeGreaterThanOrEqual(3)
    expect(contrast(ground, '#121212')).toBeGreaterThanOrEqual(3)
  })

  test('drawings have an outline for every letter, and need neither font nor style', () => {
    for (const mark of marks.values()) {
      expect([...mark.lines.join('')].filter((letter) => outlines[letter] === undefined)).toEqual([])
      for (const form of ['wide', 'square'] as const) {
        const svg = toSvg(drawMark(mark, form))
        expect(svg).not.toMatch(/NaN|undefined|<(?!\/?svg|path)|style|href/)
        expect(svg.length).toBeLessThan(12_000)
      }
    }
  })

  test('drawings keep their letters and signs inside the badge', () => {
    for (const mark of marks.values()) {
      for (const form of ['wide', 'square'] as const) {
        const { width, height, shapes } = drawMark(mark, form)
        // Everything but the ground, two units from its edges: nothing must cover that area.
        const { pixels } = toPixels({ width, height, shapes: shapes.slice(1) }, height)
        const atEdge = (i: number) =>
          Math.min(i % width, width - 1 - (i % width)) < 2 || Math.min(Math.floor(i / width), height - 1 - Math.floor(i / width)) < 2
        const painted = Array.from({ length: width * height }, (_, i) => i).filter((i) => atEdge(i) && (pixels[i * 4 + 3] ?? 0) > 0)
        expect([mark.lines, form, painted.length]).toEqual([mark.lines, form, 0])
      }
    }
  })

  test('drawings are rasterized by the area of a pixel that they cover', () => {
    const opacity = (path: string) => [...toPixels({ width: 4, height: 4, shapes: [{ path, fill: '#000000' }] }, 4).pixels].filter((_, i) => i % 4 === 3)
    expect(opacity(box(1, 1, 2, 2))).toEqual([0, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 0])
    expect(opacity(box(0.5, 0, 1, 1)).slice(0, 4)).toEqual([128, 128, 0, 0])
    expect(opacity(box(0, 0, 4, 4) + box(1, 1, 2, 2, 0, true))).toEqual([255, 255, 255, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 255, 255, 255])
    expect(opacity('M0 0L4 4H0Z')).toEqual([128, 0, 0, 0, 255, 128, 0, 0, 255, 255, 128, 0, 255, 255, 255, 128])
    const circle = opacity(box(0, 0, 4, 4, 2)).reduce((sum, value) => sum + value / 255, 0)
    expect(circle).toBeGreaterThan(12.4)
    expect(circle).toBeLessThan(12.7)
  })
})
