import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import jsqr from 'jsqr'
import { create } from 'qrcode'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import { findMethod } from '#engine/rails/methods.ts'
import { sandboxCode } from '#engine/rails/sandbox-code.ts'
import { newId } from '#foundation/shared/ids.ts'
import { decodeQr } from './decode.ts'
import vectors from './vectors.json' with { type: 'json' }

// Its program is read from disk; otherwise it would be downloaded.
const program = readFileSync(createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm'))
beforeAll(() => prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(program).buffer }, fireImmediately: true }))

const pixelsOfModule = 4
const quietZone = 4

/** A payload as a payer's camera sees it: dark squares on white, with the white margin that the standard requires. */
function draw(payload: string): { data: Uint8ClampedArray; width: number; height: number } {
  const { modules } = create(payload, { errorCorrectionLevel: 'M' })
  const width = (modules.size + 2 * quietZone) * pixelsOfModule
  const data = new Uint8ClampedArray(width * width * 4).fill(255)
  for (let y = 0; y < width; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [Math.floor(y / pixelsOfModule) - quietZone, Math.floor(x / pixelsOfModule) - quietZone]
      const isInside = row >= 0 && column >= 0 && row < modules.size && column < modules.size
      if (isInside && modules.get(row, column)) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3)
    }
  }
  return { data, width, height: width }
}

/** What two independent decoders read from the picture. */
async function readBack(payload: string): Promise<(string | undefined)[]> {
  const { data, width, height } = draw(payload)
  const zxing = await readBarcodes({ data, width, height } as never, { formats: ['QRCode'] })
  // jsQR's default export is a CommonJS one.
  const read = (typeof jsqr === 'function' ? jsqr : (jsqr as { default: unknown }).default) as typeof import('jsqr').default
  return [read(data, width, height)?.data, zxing[0]?.text]
}

const schemes = ['paynow', 'promptpay', 'promptpay-billpay', 'qrph', 'duitnow', 'vietqr', 'upi']

describe('pictures of published codes', () => {
  test.each(vectors.filter(({ scheme }) => schemes.includes(scheme)))('two decoders read the picture of the published code $id', async ({ payload }) => {
    expect(await readBack(payload)).toEqual([payload, payload])
  })
})

describe('pictures of our codes', () => {
  test.each([
    ['paynow_online', 'paynow', 'sgd'],
    ['opn_prompt_pay', 'promptpay_bill', 'thb'],
    ['qrph_netbank', 'qrph', 'php'],
    ['doku_qris', 'qris', 'idr'],
    ['duitnow', 'duitnow', 'myr'],
    ['vietqr_zalopay', 'vietqr', 'vnd'],
  ])('two decoders read our picture of a code for %s and find the payment in it', async (code, scheme, currency) => {
    const method = findMethod(code)
    if (!method) throw new Error(`no method ${code}`)
    const at = new Date('2026-03-01T04:00:00Z')
    const reference = 'HWK0123456789ABCDEFG'
    const payload = sandboxCode(method, {
      businessId: newId(at),
      payeeName: 'Kopi stall',
      amountMinor: 12_300n,
      currency,
      reference,
      expiresAt: at,
      checkoutUrl: 'https://pay.example.com/1',
    })
    expect(await readBack(payload)).toEqual([payload, payload])
    expect(decodeQr(payload)).toMatchObject({ scheme, amountMinor: 12_300n, currency, warnings: [] })
    expect(payload).toContain(reference)
  })
})
