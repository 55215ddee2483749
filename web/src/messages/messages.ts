import { en, type Messages } from './en.ts'
import { id } from './id.ts'
import type { Language } from './languages.ts'
import { ms } from './ms.ts'
import { ta } from './ta.ts'
import { th } from './th.ts'
import { vi } from './vi.ts'
import { zhHans } from './zh-hans.ts'

/** Every language's texts; only the server has them all, a page gets its own. */
export const messagesOf: Record<Language, Messages> = { en, 'zh-Hans': zhHans, ms, id, th, vi, ta }
