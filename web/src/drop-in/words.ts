import { type Language, languages } from '../messages/languages.ts'

export interface Words {
  payment: string
  close: string
  loading: string
  failed: string
  unknown: string
}

const words: Record<Language, Words> = {
  en: {
    payment: 'Payment',
    close: 'Close',
    loading: 'Loading…',
    failed: 'This payment cannot be shown here.',
    unknown: 'There is no such payment. Close this window and try again from the shop.',
  },
  'zh-Hans': {
    payment: '付款',
    close: '关闭',
    loading: '正在加载…',
    failed: '此处无法显示该付款。',
    unknown: '没有这笔付款。请关闭此窗口，然后从商店重新付款。',
  },
  ms: {
    payment: 'Pembayaran',
    close: 'Tutup',
    loading: 'Memuatkan…',
    failed: 'Pembayaran ini tidak dapat dipaparkan di sini.',
    unknown: 'Tiada pembayaran sedemikian. Tutup tetingkap ini dan cuba lagi dari kedai.',
  },
  id: {
    payment: 'Pembayaran',
    close: 'Tutup',
    loading: 'Memuat…',
    failed: 'Pembayaran ini tidak dapat ditampilkan di sini.',
    unknown: 'Pembayaran ini tidak ada. Tutup jendela ini dan coba lagi dari toko.',
  },
  th: {
    payment: 'การชำระเงิน',
    close: 'ปิด',
    loading: 'กำลังโหลด…',
    failed: 'ไม่สามารถแสดงการชำระเงินนี้ที่นี่ได้',
    unknown: 'ไม่พบการชำระเงินนี้ โปรดปิดหน้าต่างนี้แล้วลองอีกครั้งจากร้านค้า',
  },
  vi: {
    payment: 'Thanh toán',
    close: 'Đóng',
    loading: 'Đang tải…',
    failed: 'Không thể hiển thị khoản thanh toán này tại đây.',
    unknown: 'Không có khoản thanh toán này. Hãy đóng cửa sổ này và thử lại từ cửa hàng.',
  },
  ta: {
    payment: 'கட்டணம்',
    close: 'மூடு',
    loading: 'ஏற்றப்படுகிறது…',
    failed: 'இந்தக் கட்டணத்தை இங்கே காட்ட முடியவில்லை.',
    unknown: 'இப்படியொரு கட்டணம் இல்லை. இந்தச் சாளரத்தை மூடி, கடையிலிருந்து மீண்டும் முயலவும்.',
  },
}

const known = Object.keys(languages) as Language[]

/** The frame's few texts in the first of the payer's languages that we have; the checkout in it has its own. */
export function wordsFor(tags: readonly string[]): { language: Language; words: Words } {
  for (const tag of tags) {
    const base = tag.toLowerCase().split('-')[0] ?? ''
    const language = known.find((one) => one.toLowerCase().split('-')[0] === base)
    if (language) return { language, words: words[language] }
  }
  return { language: 'en', words: words.en }
}
