/** The languages that payers can choose, by BCP 47 tag, each by its own name. */
export const languages = {
  en: 'English',
  'zh-Hans': '简体中文',
  ms: 'Bahasa Melayu',
  id: 'Bahasa Indonesia',
  th: 'ไทย',
  vi: 'Tiếng Việt',
  ta: 'தமிழ்',
} as const

export type Language = keyof typeof languages
