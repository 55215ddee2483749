import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, type Font } from 'fontkit'
import jsQR from 'jsqr'
import { extractText, getDocumentProxy } from 'unpdf'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Business } from '#foundation/shared/business.ts'
import { type Language, languages, speech } from '#resources/payments/receipts/language.ts'
import { printable } from '#resources/payments/receipts/printable.ts'
import type { ReceiptRow } from '#resources/payments/receipts/queries.ts'
import { addUpReceipt } from '#resources/payments/receipts/receipt-wire.ts'
import { texts } from '#resources/payments/receipts/texts.ts'
import { aBusiness, send } from '#testing/api.ts'
import { type Fonts, openFonts } from './fonts.ts'
import { codeOf, receiptPdf } from './receipt-pdf.ts'
import { setLines, wordsOf } from './set-text.ts'
import type { PaperName } from './sheet.ts'

const business: Business = { id: 'b', name: 'Kopi stall', slug: 'kopi', country: 'SG', currency: 'sgd', timezone: 'Asia/Singapore', mode: 'live' }
const id = '0192f7a0-0000-7000-8000-000000000001'
const url = `https://pay.example.com/receipt/@kopi/${id}/AAAAAAAAAAAAAAAAAAAAAA`

let fonts: Fonts
beforeAll(async () => {
  fonts = await openFonts(undefined)
})

function aPdf(about: Partial<ReceiptRow>, language: Language = 'en', paper: PaperName = 'a4', merchant: Partial<Business> = {}): Promise<Buffer> {
  const at = new Date('2026-11-22T17:30:00Z')
  const row: ReceiptRow = {
    id,
    currency: 'sgd',
    amount_minor: 10_590n,
    admin_fee_minor: 340n,
    method: 'card',
    card: { brand: 'visa', last4: '4242', country: 'SG' },
    customer_name: 'Tan Ah Kow',
    customer_email: 'payer@example.com',
    purpose: 'Kaya toast',
    reference_number: 'A-1007',
    unapplied_reason: null,
    line_items: null,
    paid_at: at,
    refunds: [
      { id: '1', amount_minor: 2550n, status: 'succeeded', at },
      { id: '2', amount_minor: 1n, status: 'pending', at },
    ],
    ...about,
  }
  const receipt = addUpReceipt(row)
  const named = { ...business, ...merchant }
  return receiptPdf(
    fonts,
    { receipt, business: named, issuer: [], logo: { url: null, image: undefined }, speech: speech(language, receipt, named.timezone), url },
    paper,
  )
}

async function read(file: Buffer): Promise<{ text: string; pages: number; width: number; height: number }> {
  const document = await getDocumentProxy(new Uint8Array(file))
  const { text, totalPages } = await extractText(document, { mergePages: true })
  const [, , width = 0, height = 0] = (await document.getPage(1)).view
  return { text: text.replace(/\s+/g, ' '), pages: totalPages, width, height }
}

describe('the figures in the PDF are the charge’s', () => {
  test.each([
    ['SGD', 'en', 'a4', ['SGD 102.50', 'SGD 3.40', 'SGD 105.90', '-SGD 25.50', '(SGD 0.01)', 'SGD 80.40']],
    ['VND', 'vi', '80mm', ['10.250 ₫', '340 ₫', '10.590 ₫', '-2.550 ₫', '(1 ₫)', '8.040 ₫']],
    ['KWD', 'th', '58mm', ['KWD 10.250', 'KWD 0.340', 'KWD 10.590', '-KWD 2.550', '(KWD 0.001)', 'KWD 8.040']],
  ] as const)('the PDF has the figures of a charge: %s', async (currency, language, paper, amounts) => {
    const { text } = await read(await aPdf({ currency: currency.toLowerCase() }, language, paper))
    for (const amount of amounts) expect(text).toContain(amount)
    expect(text).toContain('Visa •••• 4242')
    expect(text.replaceAll(' ', '')).toContain(id)
    expect(text).toContain('A-1007')
  })

  test('the PDF has the items, the date in the business’s time zone, and what was not applied', async () => {
    const line_items = [
      { name: 'Tea', price: 1.25, quantity: 2, description: 'Iced' },
      { name: 'Toast', price: 50, quantity: 2, description: null },
    ]
    const { text } = await read(await aPdf({ line_items, unapplied_reason: 'over' }))
    for (const part of ['Tea', 'Iced · 2 × SGD 1.25', 'SGD 2.50', 'SGD 100.00', '23 November 2026', '1:30 am', texts.en.over]) expect(text).toContain(part)
    expect(text).not.toContain(texts.en.itemsAsGiven)
    expect((await read(await aPdf({ line_items: line_items.slice(1) }))).text).toContain(texts.en.itemsAsGiven)
  })
})

describe('glyphs', () => {
  test.each(languages)('every text in $name has a glyph for every letter, in both weights', ({ tag, name }) => {
    const opened = new Map<string, Font>()
    for (const text of [...Object.values(texts[tag]), name, '•••• 4242 · 2 × −']) {
      for (const weight of ['regular', 'bold'] as const) {
        const { runs, missing } = fonts.runsOf(printable(text), weight)
        expect([text, missing]).toEqual([text, 0])
        for (const run of runs) {
          const font = opened.get(run.face.key) ?? (create(run.face.source) as Font)
          opened.set(run.face.key, font)
          expect([run.text, font.layout(run.text).glyphs.filter((glyph) => glyph.id === 0).length]).toEqual([run.text, 0])
        }
      }
    }
  })

  test('a character that no font has is a box, counted and explained, and nothing is dropped silently', async () => {
    expect(fonts.runsOf('a👩‍👩‍👧b', 'regular')).toMatchObject({ missing: 1, runs: [{ text: 'a' }, { text: '□' }, { text: 'b' }] })
    const { text } = await read(await aPdf({ customer_name: 'Tan 👋 שלום' }, 'en', '80mm'))
    expect(text).toContain('Tan □ □□□□')
    expect(text).toContain('□ replaces a character')
    expect((await read(await aPdf({ customer_name: '陈大文 สมชาย தமிழ் Nguyễn Ђорђе Ωmega हिन्दी' }))).text).not.toContain('□')
  })

  test('hostile and endless names fit the paper', async () => {
    const name = `\u202eevil\u0007 ${'W'.repeat(250)}`
    const line_items = Array.from({ length: 20 }, (_, i) => ({
      name: `${i} ${'กาแฟเย็นหวานน้อย'.repeat(6)}`,
      price: 1e9,
      quantity: 1e6,
      description: '咖啡'.repeat(90),
    }))
    for (const paper of ['a4', '58mm'] as const) {
      const { pages, text } = await read(
        await aPdf({ customer_name: name, line_items, amount_minor: 999_999_999_999_999n }, 'en', paper, { name: 'ร้าน'.repeat(60) }),
      )
      expect(pages > 1).toBe(paper === 'a4')
      expect(text.replaceAll(' ', '')).toContain('SGD9,999,999,999,999.99')
      expect(text.replaceAll(' ', '')).toContain(`evil${'W'.repeat(20)}`)
    }
  })

  test('lines break between words, even in languages without spaces, and no line is wider than its column', () => {
    expect(wordsOf('กาแฟเย็น หวานน้อย', 'th').map(({ text }) => text)).toEqual(['กาแฟ', 'เย็น', 'หวาน', 'น้อย'])
    expect(wordsOf('说：“你好”，(SGD\u00a01)', 'zh-Hans').map(({ text }) => text)).toEqual(['说：', '“你好”，', '(SGD\u00a01)'])
    const setting = { fonts, language: 'en', size: 10, weight: 'regular' } as const
    const { lines } = setLines(`one two ${'x'.repeat(99)} three`, 80, setting)
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.every(({ width }) => width <= 80.01)).toBe(true)
  })
})

describe('the QR code leads to the receipt’s page', () => {
  test('the QR code of a receipt decodes from its squares', () => {
    const squares = codeOf(url)
    const scale = 4
    const side = (squares.length + 8) * scale
    const pixels = new Uint8ClampedArray(side * side * 4).fill(255)
    for (let y = 0; y < side; y += 1)
      for (let x = 0; x < side; x += 1)
        if (squares[Math.floor(y / scale) - 4]?.[Math.floor(x / scale) - 4]) pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3)
    expect(jsQR.default(pixels, side, side)?.data).toBe(url)
  })

  const hasPoppler = spawnSync('pdftoppm', ['-v']).status === 0
  test.runIf(hasPoppler).each(['a4', '80mm', '58mm'] as const)('the QR code of a receipt decodes as printed on %s', async (paper) => {
    const folder = mkdtempSync(join(tmpdir(), 'receipt-'))
    try {
      writeFileSync(join(folder, 'it.pdf'), await aPdf({}, 'en', paper))
      expect(spawnSync('pdftoppm', ['-r', '200', '-singlefile', join(folder, 'it.pdf'), join(folder, 'it')]).status).toBe(0)
      const picture = readFileSync(join(folder, 'it.ppm'))
      const [header = '', width = 0, height = 0] = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(picture.subarray(0, 40).toString('latin1')) ?? []
      const [w, h] = [Number(width), Number(height)]
      const pixels = new Uint8ClampedArray(w * h * 4).fill(255)
      for (let i = 0; i < w * h; i += 1) for (let c = 0; c < 3; c += 1) pixels[i * 4 + c] = picture[header.length + i * 3 + c] ?? 0
      expect(jsQR.default(pixels, w, h)?.data).toBe(url)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('PDF files', () => {
  test('a PDF is as wide as its paper, and a roll is as long as its text', async () => {
    const short = await read(await aPdf({}, 'en', '80mm'))
    const long = await read(await aPdf({ purpose: 'word '.repeat(50) }, 'en', '80mm'))
    expect(Math.round((short.width / 72) * 25.4)).toBe(80)
    expect([short.pages, long.pages]).toEqual([1, 1])
    expect(long.height).toBeGreaterThan(short.height)
    expect(await read(await aPdf({}))).toMatchObject({ pages: 1, width: 595.28, height: 841.89 })
  })

  test('a PDF is served at the page’s URL with .pdf, and an unknown paper is rejected', async () => {
    const client = await aBusiness()
    const request = (await client.post('/v1/payment-requests', { amount: '10.00', currency: 'sgd' })).json
    const charge = { id: (await client.post(`/v1/sandbox/payment-requests/${request.id}/pay`, { method: 'paynow_online' })).json.payment_id }
    const { pathname } = new URL((await client.get(`/v1/charges/${charge.id}/receipt`)).json.pdf_url)
    const { status, headers, text } = await send(client.server, 'GET', `${pathname}?paper=58MM&lang=ta`)
    expect([status, headers.get('content-type'), text.slice(0, 5)]).toEqual([200, 'application/pdf', '%PDF-'])
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-disposition')).toBe(`inline; filename="receipt-${charge.id}.pdf"`)
    const refused = await send(client.server, 'GET', `${pathname}?paper=a0`)
    expect([refused.status, refused.json.errors]).toEqual([422, { paper: ['The selected paper is invalid.'] }])
  })
})
