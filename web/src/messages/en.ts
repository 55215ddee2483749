/** The checkout's texts in English; every other language has the same keys. */
export const en = {
  'title.pay': 'Pay {business}',
  'pay.button': 'Pay {amount}',
  'notice.not_found.title': 'There is no such page',
  'notice.not_found.text': 'Check the link, or ask whoever sent it to you for a new one.',
}

export type MessageKey = keyof typeof en
export type Messages = Record<MessageKey, string>
