import type { Fonts, Run, Weight } from './fonts.ts'

/** One line, measured. */
export interface Line {
  readonly runs: (Run & { readonly width: number })[]
  readonly width: number
}

export interface Setting {
  fonts: Fonts
  language: string
  size: number
  weight: Weight
}

interface Word {
  text: string
  /** Whether a space precedes it, which is not needed at the end of a line. */
  spaced: boolean
}

// « ‹ “ ‘ （ 「 『 【 《 〈, in ASCII: one other character in a regular expression doubles the memory of the program's text.
const opening = /^[([{<\u00ab\u2039\u201c\u2018\uff08\u300c\u300e\u3010\u300a\u3008]+$/u
const segmenters = new Map<string, Intl.Segmenter>()

/** Creating one costs more than a paragraph. */
function segmenterOf(language: string, granularity: 'word' | 'grapheme' = 'word'): Intl.Segmenter {
  const key = `${language} ${granularity}`
  const segmenter = segmenters.get(key) ?? new Intl.Segmenter(language, { granularity })
  segmenters.set(key, segmenter)
  return segmenter
}

/** Pieces between which a line may break: words, even in languages without spaces; punctuation stays with its word. */
export function wordsOf(text: string, language: string): Word[] {
  const words: Word[] = []
  let spaced = false
  let joined = false
  for (const { segment, isWordLike } of segmenterOf(language).segment(text)) {
    const last = words.at(-1)
    if (/^[^\S\u00a0]+$/u.test(segment)) {
      spaced = true
      joined = false
      continue
    }
    const isSign = !isWordLike && !opening.test(segment)
    // 8:30 and 20.30 are one word.
    const isNumber = last !== undefined && /\d[:.,]$/.test(last.text) && /^\d/.test(segment)
    if (last && !spaced && (joined || isSign || isNumber)) last.text += segment
    else words.push({ text: segment, spaced })
    joined = segment === '\u00a0' || opening.test(segment)
    spaced = false
  }
  return words
}

/** Text in lines that are no wider than `width`; a word that is wider is cut between letters. Counts what no face has. */
export function setLines(text: string, width: number, setting: Setting): { lines: Line[]; missing: number } {
  const { fonts, weight, size, language } = setting
  let missing = 0
  const measure = ({ face, text }: Run) => face.widthOf(text) * size
  const widthOf = (part: string) => fonts.runsOf(part, weight).runs.reduce((total, run) => total + measure(run), 0)
  const space = widthOf(' ')
  const rows: string[] = []
  let row = ''
  let used = 0
  const next = () => {
    if (row !== '') rows.push(row)
    row = ''
    used = 0
  }
  const add = (part: string, partWidth: number, spaced: boolean) => {
    const before = spaced && row !== '' ? space : 0
    if (row !== '' && used + before + partWidth > width) next()
    row += (row === '' ? '' : spaced ? ' ' : '') + part
    used += (row === part ? 0 : before) + partWidth
  }
  for (const word of wordsOf(text, language)) {
    const whole = widthOf(word.text)
    if (whole <= width) add(word.text, whole, word.spaced)
    else {
      let spaced = word.spaced
      for (const { segment } of segmenterOf('en', 'grapheme').segment(word.text)) {
        add(segment, widthOf(segment), spaced)
        spaced = false
      }
    }
  }
  next()
  const lines = rows.map((one) => {
    const found = fonts.runsOf(one, weight)
    missing += found.missing
    const runs = found.runs.map((run) => ({ ...run, width: measure(run) }))
    return { runs, width: runs.reduce((total, run) => total + run.width, 0) }
  })
  return { lines, missing }
}
