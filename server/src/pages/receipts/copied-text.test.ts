import { PDFiumLibrary } from '@hyzyla/pdfium'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Fonts, openFonts } from './fonts.ts'
import { openSheet, papers } from './sheet.ts'

let fonts: Fonts
let library: PDFiumLibrary
beforeAll(async () => {
  fonts = await openFonts(undefined)
  library = await PDFiumLibrary.init()
  return () => library.destroy()
})

/** What a reader copies from a file that has the given lines. */
async function copied(lines: string[], language: string): Promise<string> {
  const sheet = await openSheet(papers.a4, fonts, language, { title: 'Lines', author: 'Hawker', at: new Date(0) })
  for (const line of lines) {
    const paragraph = sheet.set(line, sheet.width, {})
    sheet.add({ height: paragraph.height, draw: (y) => sheet.write(paragraph, sheet.left, y) })
  }
  const document = await library.loadDocument(await sheet.finish(() => ''))
  const text = [...document.pages()].map((page) => page.getText()).join('\n')
  document.destroy()
  return text.replace(/\s+/g, ' ').trim()
}

describe('what a PDF shows is what it says', () => {
  test.each([
    ['Thai', 'th', ['น้ำปลา', 'ร้านก๋วยเตี๋ยว', 'ผู้ชำระเงิน ำ้', 'ข้าวผัดน้ำพริก ๑๒๓', 'นี่เป็นการทดสอบ ไม่มีการโอนเงินจริง']],
    ['Devanagari', 'en', ['हिन्दी', 'किताब', 'श्री कृष्ण मिठाई', 'क्षत्रिय']],
    ['Tamil', 'ta', ['கொண்டாட்டம்', 'ஸ்ரீ', 'தேநீர்க் கடை']],
    ['Vietnamese', 'vi', ['Nguyễn Đức', 'Bánh mì Sài Gòn', 'Phở bò Hà Nội, cà phê sữa đá', 'Cụ thự nghỉ dưỡng kỹ ợ ặ ệ ộ ẹ ạ ị ọ ụ ỵ', 'ẬT TƯ — Ự Ỉ Ỷ Ỵ']],
    ['Chinese', 'zh-Hans', ['陈大文', '新加坡 咖啡']],
    ['Greek and Cyrillic', 'en', ['Ωmega καφές', 'Ђорђе кофе']],
    ['Latin', 'en', ['office flat ffi', 'ø ł æ ß', 'SGD 1,000.00 − 2 × 3']],
  ])('text copied from a PDF is what was written: %s', async (_, language, lines) => {
    expect(await copied(lines, language)).toBe(lines.join(' '))
  })
})
