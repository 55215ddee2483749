import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Font, FontCollection } from 'fontkit'

/** One font file, under its name in the PDF. */
export interface Face {
  readonly key: string
  readonly source: Buffer
  /** Which font of a collection. */
  readonly family: string | undefined
  readonly isBold: boolean
  has(codePoint: number): boolean
  /** The width of a run of letters, in parts of the font's size. */
  widthOf(text: string): number
}

/** A run of letters in one face. */
export interface Run {
  readonly text: string
  readonly face: Face
}

export interface Fonts {
  /** Splits text where the face changes; a character that no face has becomes a □, and is counted. */
  runsOf(text: string, weight: Weight): { runs: Run[]; missing: number }
}

export type Weight = 'regular' | 'bold'

const weights = { regular: '400', bold: '700' }
const scripts = ['latin', 'latin-ext', 'vietnamese', 'greek', 'greek-ext', 'cyrillic', 'cyrillic-ext', 'devanagari']
const resolve = createRequire(import.meta.url).resolve

/**
 * Next to this file in the sources, next to the program when built. Chinese is one file for both weights: a subset of Noto Sans
 * with the characters of GB 2312 and the frequent ones of Big5 (`fonts/README.md`).
 */
const hanFile = fileURLToPath(new URL('./fonts/han.otf', import.meta.url))

const widthsKept = 5_000
const missingMark = '□'
/** Characters without a glyph of their own that say how others are joined or shown. */
const invisible = /\p{Default_Ignorable_Code_Point}/gu

function filesOf(weight: Weight, extraFile: string | undefined): string[] {
  const cut = (family: string, script: string) => resolve(`@fontsource/${family}/files/${family}-${script}-${weights[weight]}-normal.woff`)
  const noto = scripts.map((script) => cut('noto-sans', script))
  return [...noto, cut('noto-sans-thai', 'thai'), cut('noto-sans-tamil', 'tamil'), hanFile, ...(extraFile === undefined ? [] : [extraFile])]
}

type Create = typeof import('fontkit')['create']

/** Reads a font file; the first font of a collection is used. */
function openFace(create: Create, file: string, key: string, isBold: boolean): Face {
  const source = readFileSync(file)
  const opened = create(source) as Font | FontCollection
  const isCollection = 'fonts' in opened
  const font = isCollection ? opened.fonts[0] : opened
  if (!font) throw new Error(`no font in ${file}`)
  const covered = new Set(font.characterSet)
  const widths = new Map<string, number>()
  return {
    key,
    source,
    isBold,
    family: isCollection ? font.postscriptName : undefined,
    has: (codePoint) => covered.has(codePoint),
    widthOf(text) {
      const width = widths.get(text) ?? font.layout(text).advanceWidth / font.unitsPerEm
      if (widths.size >= widthsKept) widths.clear()
      widths.set(text, width)
      return width
    },
  }
}

/** Finds the first face of a weight that has every part of a letter; results are cached. */
function faceFinder(faceOf: (file: string) => Face, files: string[]): (letters: string) => Face | undefined {
  const known = new Map<string, Face | undefined>()
  return (letters) => {
    if (known.has(letters)) return known.get(letters)
    const codePoints = Array.from(letters, (character) => character.codePointAt(0) ?? 0)
    const file = files.find((one) => codePoints.every((codePoint) => faceOf(one).has(codePoint)))
    const face = file === undefined ? undefined : faceOf(file)
    if (known.size >= widthsKept) known.clear()
    known.set(letters, face)
    return face
  }
}

/** Opens the fonts; each file is read when the first letter is looked up in it, and kept. */
export async function openFonts(extraFile: string | undefined): Promise<Fonts> {
  const { create } = await import('fontkit')
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
  const faces = new Map<string, Face>()
  const faceOf = (file: string, weight: Weight): Face => {
    const isOneWeight = file === hanFile || file === extraFile
    const key = isOneWeight ? file : `${weight} ${file}`
    const face = faces.get(key) ?? openFace(create, file, key, !isOneWeight && weight === 'bold')
    faces.set(key, face)
    return face
  }
  const finder = (weight: Weight) => faceFinder((file) => faceOf(file, weight), filesOf(weight, extraFile))
  const finders = { regular: finder('regular'), bold: finder('bold') }
  return {
    runsOf(text, weight) {
      const runs: { text: string; face: Face }[] = []
      let missing = 0
      for (const { segment } of graphemes.segment(text)) {
        let letters = segment
        let face = finders[weight](letters)
        if (!face) {
          letters = segment.replace(invisible, '')
          if (letters === '') continue
          face = finders[weight](letters)
        }
        if (!face) {
          missing += 1
          letters = missingMark
          face = faceOf(hanFile, weight)
        }
        const last = runs.at(-1)
        if (last?.face === face) last.text += letters
        else runs.push({ text: letters, face })
      }
      return { runs, missing }
    },
  }
}
