import { printable } from '#resources/payments/receipts/printable.ts'
import type { Fonts, Run, Weight } from './fonts.ts'
import { type Line, setLines } from './set-text.ts'

/** Paper, in points of 1/72 inch. A roll is cut where the receipt ends. */
export interface Paper {
  readonly width: number
  readonly height: number | 'as long as it gets'
  readonly margin: number
  readonly size: number
  /** Printers of rolls print only black. */
  readonly hasColour: boolean
}

const millimetres = (mm: number) => (mm * 72) / 25.4

/** PDF readers reject longer pages; a longer roll is several. */
const longestPage = 14_400

export const papers = {
  a4: { width: 595.28, height: 841.89, margin: 60, size: 10, hasColour: true },
  '80mm': { width: millimetres(80), height: 'as long as it gets', margin: millimetres(4), size: 8.5, hasColour: false },
  '58mm': { width: millimetres(58), height: 'as long as it gets', margin: millimetres(3), size: 7.5, hasColour: false },
} as const satisfies Record<string, Paper>
export type PaperName = keyof typeof papers

export interface Style {
  size?: number
  weight?: Weight
  colour?: string
  align?: 'left' | 'right' | 'center'
}

/** Text in lines that fit a width, ready to be drawn. */
export interface Paragraph {
  readonly lines: Line[]
  readonly size: number
  readonly leading: number
  readonly height: number
  readonly colour: string
  readonly align: 'left' | 'right' | 'center'
  readonly weight: Weight
  readonly width: number
}

/** A part of the receipt that stays on one page. */
export interface Block {
  readonly height: number
  draw(y: number): void
}

export const ink = '#111827'
export const quiet = '#4b5563'
export const hairline = '#d1d5db'

/** A document under construction: text is measured and set immediately, and drawn when all of it is known. */
export interface Sheet {
  readonly paper: Paper
  readonly left: number
  readonly right: number
  readonly width: number
  readonly document: PDFKit.PDFDocument
  /** How many characters no font has. */
  readonly missing: () => number
  set(text: string, width: number, style?: Style): Paragraph
  write(paragraph: Paragraph, x: number, y: number): void
  add(block: Block): void
  gap(height: number): void
  /** Draws everything and returns the file. */
  finish(footer: (page: number, pages: number) => string): Promise<Buffer>
}

/**
 * Letters whose glyphs are combined, split or reordered when they are set: Thai, Tamil, Devanagari, Vietnamese, a mark of its own.
 * The glyphs do not say what was written, so the file does, for whoever copies, searches or hears it.
 */
const shaped = /[\p{M}\u0180-\u024f\u0900-\u109f\u1780-\u17ff\u1e00-\u1eff]/u

/** Draws paragraphs, each run in its face, all on the line's baseline. */
function writer(document: PDFKit.PDFDocument): Sheet['write'] {
  const known = new Set<string>()
  const use = ({ face }: Run, size: number) => {
    if (!known.has(face.key)) document.registerFont(face.key, face.source as unknown as string, face.family as string)
    known.add(face.key)
    document.font(face.key).fontSize(size)
  }
  return ({ lines, size, leading, colour, align, weight, width }, x, y) => {
    for (const [i, line] of lines.entries()) {
      const spare = width - line.width
      let at = x + (align === 'left' ? 0 : align === 'right' ? spare : spare / 2)
      const baseline = y + i * leading + (leading - size) / 2 + size * 0.86
      for (const run of line.runs) {
        // If there is only one weight, an outline makes it bold.
        const isOutlined = weight === 'bold' && !run.face.isBold
        use(run, size)
        document
          .fillColor(colour)
          .strokeColor(colour)
          .lineWidth(size * 0.035)
        const isShaped = shaped.test(run.text)
        // The types do not know the option; it is documented.
        if (isShaped) document.markContent('Span', { actual: run.text } as PDFKit.Mixins.MarkingOptions)
        document.text(run.text, at, baseline, { lineBreak: false, baseline: 'alphabetic', fill: true, stroke: isOutlined })
        if (isShaped) document.endMarkedContent()
        at += run.width
      }
    }
  }
}

/** Starts a document on a paper; loads the PDF library on first use. */
export async function openSheet(paper: Paper, fonts: Fonts, language: string, info: { title: string; author: string; at: Date }): Promise<Sheet> {
  const { default: PDFDocument } = await import('pdfkit')
  const { title, author, at } = info
  const document = new PDFDocument({
    autoFirstPage: false,
    margin: 0,
    lang: language,
    displayTitle: true,
    // Without it, the file would contain the built-in Helvetica, which is never used.
    font: undefined as unknown as string,
    info: { Title: title, Author: author, Creator: 'Hawker', Producer: 'Hawker', CreationDate: at, ModDate: at },
  })
  const chunks: Buffer[] = []
  const done = new Promise<Buffer>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk))
    document.on('end', () => resolve(Buffer.concat(chunks)))
    document.on('error', reject)
  })
  const write = writer(document)
  const blocks: Block[] = []
  let missing = 0

  const set = (text: string, width: number, { size = paper.size, weight = 'regular', colour = ink, align = 'left' }: Style = {}): Paragraph => {
    const found = setLines(printable(text), width, { fonts, language, size, weight })
    missing += found.missing
    const leading = size * 1.45
    return { lines: found.lines, size, leading, height: found.lines.length * leading, colour: paper.hasColour ? colour : '#000000', align, weight, width }
  }
  const { margin } = paper
  const footerSize = paper.size * 0.8

  return {
    paper,
    left: margin,
    right: paper.width - margin,
    width: paper.width - 2 * margin,
    document,
    missing: () => missing,
    set,
    write,
    add: (block) => blocks.push(block),
    gap: (height) => blocks.push({ height, draw: () => undefined }),
    async finish(footer) {
      const all = blocks.reduce((total, { height }) => total + height, 0)
      const height = paper.height === 'as long as it gets' ? Math.min(all + 2 * margin, longestPage) : paper.height
      const pages = pagesOf(blocks, height - 2 * margin)
      for (const [i, page] of pages.entries()) {
        document.addPage({ size: [paper.width, height], margin: 0 })
        let y: number = margin
        for (const block of page) {
          block.draw(y)
          y += block.height
        }
        if (paper.height === 'as long as it gets') continue
        const words = set(footer(i + 1, pages.length), paper.width - 2 * margin, { size: footerSize, colour: quiet, align: 'center' })
        write(words, margin, height - margin * 0.6 - words.height / 2)
      }
      document.end()
      return done
    },
  }
}

/** Blocks by page; one that is higher than a page gets a page of its own. */
function pagesOf(blocks: Block[], height: number): Block[][] {
  const pages: Block[][] = [[]]
  let used = 0
  for (const block of blocks) {
    if (used > 0 && used + block.height > height + 0.01) {
      pages.push([])
      used = 0
    }
    pages.at(-1)?.push(block)
    used += block.height
  }
  return pages
}
