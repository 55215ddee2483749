import { en, type Messages } from './en.ts'
import { id } from './id.ts'
import type { Language } from './languages.ts'
import { ms } from './ms.ts'
import { ta } from './ta.ts'
import { th } from './th.ts'
import { vi } from './vi.ts'
import { zhHans } from './zh-hans.ts'

/** The texts of every language; only the server has all of them, a page gets its own. */
export const messagesOf: Record<Language, Messages> = { en, 'zh-Hans': zhHans, ms, id, th, vi, ta }
