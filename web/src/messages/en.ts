/** The checkout's texts in English; every other language has the same keys. */
export const en = {
  'title.pay': 'Pay {business}',
  'pay.button': 'Pay {amount}',
}

export type MessageKey = keyof typeof en
export type Messages = Record<MessageKey, string>
