import type { Business } from '#foundation/shared/business.ts'
import { plainPng } from '#foundation/shared/png.ts'
import { type Language, speech } from '#resources/payments/receipts/language.ts'
import type { Receipt } from '#resources/payments/receipts/receipt-wire.ts'
import { type Fonts, openFonts } from './fonts.ts'
import { receiptPdf } from './receipt-pdf.ts'
import type { PaperName } from './sheet.ts'

/** What a thread needs to print a receipt: values that can be sent to it. */
export interface PrintTask {
  receipt: Receipt
  business: Business
  issuer: string[]
  language: Language
  url: string
  paper: PaperName
  /** The logo as it is stored. */
  logo: { contentType: string; data: Uint8Array } | undefined
  /** A font file for characters that ours lack. */
  font: string | undefined
}

let fonts: Promise<Fonts> | undefined

/** Prints one receipt; runs in a thread of its own (`print-receipts.ts`), which keeps the fonts that it has opened. */
export async function print({ receipt, business, issuer, language, url, paper, logo, font }: PrintTask): Promise<Uint8Array> {
  fonts ??= openFonts(font)
  const data = logo && Buffer.from(logo.data)
  const image = data && logo.contentType === 'image/png' ? plainPng(data) : data
  const printed = { receipt, business, issuer, logo: { url: null, image }, speech: speech(language, receipt, business.timezone), url }
  return receiptPdf(await fonts, printed, paper)
}
