import encodeQR from 'qr'
import type { Business } from '#foundation/shared/business.ts'
import type { Speech } from '#resources/payments/receipts/language.ts'
import { countOf, factsOf, notesOf, totalsOf } from '#resources/payments/receipts/parts.ts'
import type { PricedItem, Receipt } from '#resources/payments/receipts/receipt-wire.ts'
import type { Fonts } from './fonts.ts'
import { hairline, ink, openSheet, type PaperName, papers, quiet, type Sheet } from './sheet.ts'

/** The input of a printed receipt. */
export interface Printed {
  receipt: Receipt
  business: Business
  /** Who issues it, a line each: legal name, registration number, address. */
  issuer: string[]
  /** The merchant's logo: its URL for the page, its bytes for the PDF. */
  logo: { url: string | null; image: Buffer | undefined }
  speech: Speech
  /** The receipt's page, which the QR code leads to. */
  url: string
}

const statusColours = { paid: '#047857', partially_refunded: '#92400e', refunded: '#374151' }
/** Very long texts of a merchant are visibly cut on paper; the page has all of them. */
const longest = 300
const short = (text: string) => (text.length > longest ? `${Array.from(text).slice(0, longest).join('')}…` : text)

/** The squares of a QR code for a URL: true is dark. */
export function codeOf(url: string): boolean[][] {
  const framed = encodeQR(url, 'raw', { ecc: 'medium', border: 1 })
  return framed.slice(1, -1).map((row) => row.slice(1, -1))
}

/** A receipt as a PDF in one of the paper sizes. */
export async function receiptPdf(fonts: Fonts, printed: Printed, paperName: PaperName): Promise<Buffer> {
  const { receipt, business, speech } = printed
  const title = `${speech.texts.receipt} ${receipt.id}`
  const sheet = await openSheet(papers[paperName], fonts, speech.language, { title, author: business.name, at: receipt.paid_at })
  const isRoll = paperName !== 'a4'
  head(sheet, printed, isRoll)
  facts(sheet, printed, isRoll)
  items(sheet, printed)
  totals(sheet, printed)
  notes(sheet, printed)
  code(sheet, printed, isRoll)
  return sheet.finish((page, pages) => (pages > 1 ? `${receipt.id} · ${page} / ${pages}` : receipt.id))
}

function rule(sheet: Sheet, space: number, strong = false): void {
  sheet.add({
    height: space * 2,
    draw(y) {
      const { document, left, right, paper } = sheet
      document.save().lineWidth(strong ? 1 : 0.6)
      if (!paper.hasColour) document.dash(strong ? 1000 : 2, { space: strong ? 0 : 2 })
      document
        .moveTo(left, y + space)
        .lineTo(right, y + space)
        .stroke(paper.hasColour ? (strong ? ink : hairline) : '#000000')
        .restore()
    },
  })
}

/** The logo, if PDFs support its format (PNG, JPEG); otherwise the name is enough. */
function logo(sheet: Sheet, { logo: { image: source } }: Printed, isRoll: boolean): void {
  if (!source) return
  const box = isRoll ? [sheet.width * 0.5, 40] : [160, 48]
  try {
    const { document } = sheet
    // The types do not know the function; it is documented.
    type Opened = Parameters<typeof document.image>[0] & { width: number; height: number }
    const image = (document as unknown as { openImage(source: Buffer): Opened }).openImage(source)
    const scale = Math.min((box[0] ?? 0) / image.width, (box[1] ?? 0) / image.height, 1)
    const [width, height] = [image.width * scale, image.height * scale]
    const x = isRoll ? sheet.left + (sheet.width - width) / 2 : sheet.left
    sheet.add({ height: height + 10, draw: (y) => document.image(image, x, y, { width, height }) })
  } catch {
    return
  }
}

function head(sheet: Sheet, printed: Printed, isRoll: boolean): void {
  const { receipt, business, speech } = printed
  const { texts } = speech
  logo(sheet, printed, isRoll)
  const { size } = sheet.paper
  if (isRoll) {
    const middle = [
      sheet.set(business.name, sheet.width, { size: size * 1.5, weight: 'bold', align: 'center' }),
      sheet.set(texts.receipt, sheet.width, { align: 'center' }),
      sheet.set(speech.money(receipt.amount_minor), sheet.width, { size: size * 2.1, weight: 'bold', align: 'center' }),
      sheet.set(texts[receipt.status], sheet.width, { weight: 'bold', align: 'center' }),
    ]
    for (const part of middle) sheet.add({ height: part.height + size * 0.2, draw: (y) => sheet.write(part, sheet.left, y) })
    issuer(sheet, printed, 'center')
    rule(sheet, size * 0.8)
    return
  }
  const name = sheet.set(business.name, sheet.width * 0.62, { size: size * 1.6, weight: 'bold' })
  const title = sheet.set(texts.receipt, sheet.width * 0.34, { size: size * 1.6, colour: quiet, align: 'right' })
  sheet.add({
    height: Math.max(name.height, title.height),
    draw(y) {
      sheet.write(name, sheet.left, y)
      sheet.write(title, sheet.right - title.width, y)
    },
  })
  issuer(sheet, printed, 'left')
  rule(sheet, size * 1.4)
  const label = sheet.set(texts.amountPaid, sheet.width, { colour: quiet })
  const amount = sheet.set(speech.money(receipt.amount_minor), sheet.width, { size: size * 3, weight: 'bold' })
  const status = sheet.set(texts[receipt.status], sheet.width, { weight: 'bold', colour: statusColours[receipt.status] })
  for (const part of [label, amount, status]) sheet.add({ height: part.height, draw: (y) => sheet.write(part, sheet.left, y) })
  sheet.gap(size * 2)
}

/** Who issues the receipt. */
function issuer(sheet: Sheet, { issuer: lines }: Printed, align: 'left' | 'center'): void {
  for (const line of lines) {
    const text = sheet.set(short(line), sheet.width, { size: sheet.paper.size * 0.9, colour: quiet, align })
    sheet.add({ height: text.height, draw: (y) => sheet.write(text, sheet.left, y) })
  }
}

/** What was paid, when, by whom: label and value, side by side on a page, at both ends of a line on a roll. */
function facts(sheet: Sheet, printed: Printed, isRoll: boolean): void {
  const { size } = sheet.paper
  const share = isRoll ? 0.36 : 0.26
  for (const { label, value } of factsOf(printed.receipt, printed.speech)) {
    const name = sheet.set(label, sheet.width * share, { colour: quiet })
    const text = sheet.set(short(value), sheet.width * (0.97 - share), { align: isRoll ? 'right' : 'left' })
    sheet.add({
      height: Math.max(name.height, text.height) + size * (isRoll ? 0.25 : 0.45),
      draw(y) {
        sheet.write(name, sheet.left, y)
        sheet.write(text, isRoll ? sheet.right - text.width : sheet.left + sheet.width * (share + 0.03), y)
      },
    })
  }
}

/** Words on the left, an amount on the right; the amount is never broken, the words make room. */
function amountRow(sheet: Sheet, words: string, amount: string, style: { weight?: 'bold'; size?: number } = {}, below?: string): void {
  const { size, hasColour } = sheet.paper
  const money = sheet.set(amount, sheet.width * 0.6, { ...style, align: 'right' })
  const taken = Math.max(0, ...money.lines.map((line) => line.width))
  const text = sheet.set(words, sheet.width - taken - size * 1.5, style)
  const more =
    below === undefined ? undefined : sheet.set(below, sheet.width - taken - size * 1.5, { size: size * 0.9, ...(hasColour ? { colour: quiet } : {}) })
  sheet.add({
    height: Math.max(text.height + (more?.height ?? 0), money.height) + size * 0.4,
    draw(y) {
      sheet.write(text, sheet.left, y)
      if (more) sheet.write(more, sheet.left, y + text.height)
      sheet.write(money, sheet.right - money.width, y)
    },
  })
}

function itemWords(item: PricedItem, speech: Speech): string | undefined {
  const parts = [item.description === null ? undefined : short(item.description), countOf(item, speech)].filter((part) => part !== undefined)
  return parts.length > 0 ? parts.join(' · ') : undefined
}

function items(sheet: Sheet, { receipt, speech }: Printed): void {
  if (receipt.items.length === 0) return
  const { size } = sheet.paper
  rule(sheet, size)
  const heading = sheet.set(speech.texts.items, sheet.width, { weight: 'bold' })
  sheet.add({ height: heading.height + size * 0.4, draw: (y) => sheet.write(heading, sheet.left, y) })
  for (const item of receipt.items) {
    const amount = item.amountMinor === null ? '' : speech.money(item.amountMinor)
    amountRow(sheet, short(item.name), amount, {}, itemWords(item, speech))
  }
}

function totals(sheet: Sheet, { receipt, speech }: Printed): void {
  const { size } = sheet.paper
  rule(sheet, size)
  for (const { label, amount, isTotal } of totalsOf(receipt, speech)) amountRow(sheet, label, amount, isTotal ? { weight: 'bold', size: size * 1.15 } : {})
}

function notes(sheet: Sheet, { receipt, business, speech }: Printed): void {
  const { size, hasColour } = sheet.paper
  for (const note of notesOf(receipt, business, speech)) {
    const pad = hasColour ? size * 0.9 : 0
    const text = sheet.set(note, sheet.width - 2 * pad, {})
    sheet.gap(size * 0.8)
    sheet.add({
      height: text.height + pad * 1.6,
      draw(y) {
        if (hasColour) sheet.document.roundedRect(sheet.left, y, sheet.width, text.height + pad * 1.6, 5).fill('#fef3c7')
        sheet.write(text, sheet.left + pad, y + pad * 0.8)
      },
    })
  }
}

/** The code as filled squares, adjacent ones of a row as one, so that no gap shows between them. */
function drawCode(document: PDFKit.PDFDocument, squares: boolean[][], x: number, y: number, side: number): void {
  const one = side / squares.length
  for (const [i, row] of squares.entries()) {
    for (let from = 0; from < row.length; from += 1) {
      if (!row[from]) continue
      let to = from
      while (row[to]) to += 1
      document.rect(x + from * one, y + i * one, (to - from) * one, one)
      from = to
    }
  }
  document.fill('#000000')
}

function code(sheet: Sheet, { business, speech, url }: Printed, isRoll: boolean): void {
  const { size } = sheet.paper
  const { texts } = speech
  const squares = codeOf(url)
  const questions = speech.fill(texts.questions, { name: short(business.name) })
  rule(sheet, size * 1.2)
  if (isRoll) {
    const side = Math.min(sheet.width * 0.66, 130)
    const caption = sheet.set(texts.scan, sheet.width, { align: 'center' })
    const ask = sheet.set(questions, sheet.width, { align: 'center' })
    const warning = sheet.missing() > 0 ? sheet.set(texts.unprintable, sheet.width, { align: 'center' }) : undefined
    sheet.add({ height: side + size, draw: (y) => drawCode(sheet.document, squares, sheet.left + (sheet.width - side) / 2, y, side) })
    for (const part of [caption, ask, warning]) if (part) sheet.add({ height: part.height + size * 0.3, draw: (y) => sheet.write(part, sheet.left, y) })
    return
  }
  const side = 96
  const beside = sheet.left + side + size * 1.8
  const width = sheet.right - beside
  const parts = [sheet.set(texts.scan, width, { weight: 'bold' }), sheet.set(questions, width, { colour: quiet })]
  if (sheet.missing() > 0) parts.push(sheet.set(texts.unprintable, width, { colour: quiet }))
  sheet.add({
    height:
      Math.max(
        side,
        parts.reduce((total, { height }) => total + height, 0),
      ) + 2,
    draw(y) {
      drawCode(sheet.document, squares, sheet.left, y, side)
      let at = y
      for (const part of parts) {
        sheet.write(part, beside, at)
        at += part.height + 3
      }
      sheet.document.link(sheet.left, y, side, side, url)
    },
  })
}
