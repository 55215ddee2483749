// Extracts the outlines of the letters on payment method marks from Barlow Semi Condensed (SemiBold) into
// server/src/pages/method-marks/letters.ts. Run again when a mark needs a new letter or pair:
//   npm install --no-save opentype.js@2.0.0 @fontsource/barlow-semi-condensed@5.3.0 && node scripts/draw-letters.mjs
//   npx biome check --write server/src/pages
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from './prepare.mjs'

const require = createRequire(join(process.cwd(), 'package.json'))
const opentype = require('opentype.js')
const file = readFileSync(require.resolve('@fontsource/barlow-semi-condensed/files/barlow-semi-condensed-latin-600-normal.woff'))
const font = opentype.parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength))
const folder = join(root, 'server/src/pages/method-marks')

const texts = [...readFileSync(join(folder, 'marks.ts'), 'utf8').matchAll(/mark\((?:'([^']+)'|"([^"]+)")/g)].map(([, one, other]) => one ?? other)
const lines = texts.flatMap((text) => text.split('/'))
const letters = [...new Set(lines.join(''))].sort()
const pairs = [...new Set(lines.flatMap((line) => [...line].slice(1).map((letter, i) => line[i] + letter)))].sort()

const glyph = (letter) => font.charToGlyph(letter)
const outline = (letter) =>
  glyph(letter)
    .path.commands.map(
      ({ type, x1, y1, x2, y2, x, y }) =>
        type +
        [x1, y1, x2, y2, x, y]
          .filter((value) => value !== undefined)
          .map(Math.round)
          .join(' '),
    )
    .join('')
const quote = (text) => (text.includes("'") ? `"${text}"` : `'${text}'`)
const key = (text) => (/^[A-Za-z]+$/.test(text) ? text : quote(text))
const record = (name, doc, type, entries) =>
  `/** ${doc} */\nexport const ${name}: Readonly<Record<string, ${type}>> = {\n${entries.map(([at, value]) => `  ${key(at)}: ${value},\n`).join('')}}\n`
const kerns = pairs.map((pair) => [pair, font.getKerningValue(...[...pair].map(glyph))]).filter(([, value]) => value !== 0)

writeFileSync(
  join(folder, 'letters.ts'),
  [
    '// Made by scripts/draw-letters.mjs from Barlow Semi Condensed, Copyright 2017 The Barlow Project Authors, SIL Open Font License 1.1 (NOTICE).\n',
    record(
      'outlines',
      'Outlines on a grid of 1000 units, y upwards from the baseline.',
      'string',
      letters.map((letter) => [letter, `'${outline(letter)}'`]),
    ),
    record(
      'advances',
      'How far a letter moves the next one.',
      'number',
      letters.map((letter) => [letter, glyph(letter).advanceWidth]),
    ),
    record('kerning', 'By how much two letters stand closer than that.', 'number', kerns),
  ].join('\n'),
)
