import { en, type Messages } from './en.ts'
import type { Language } from './languages.ts'

/** Every language's texts; only the server has them all, a page gets its own. */
export const messagesOf: Record<Language, Messages> = { en, 'zh-Hans': en, ms: en, id: en, th: en, vi: en, ta: en }
