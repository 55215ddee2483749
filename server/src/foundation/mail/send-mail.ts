/** A mail, written. */
export interface Mail {
  to: string
  subject: string
  text: string
  html: string
  /** The same on every try, so that a receiver can tell a repetition. */
  messageId: string
}

/** Hands a mail to the mail server; throws when it does not take it. */
export type SendMail = (mail: Mail) => Promise<void>

/** Sends through an SMTP server (`smtp://user:password@host:port`, `smtps://…`). The library is loaded with the first mail. */
export function smtpMailer(url: string, from: string): SendMail {
  let transport: Promise<import('nodemailer').Transporter> | undefined
  const open = async () => {
    const { createTransport } = await import('nodemailer')
    return createTransport({ url, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, disableFileAccess: true, disableUrlAccess: true })
  }
  return async ({ to, subject, text, html, messageId }) => {
    transport ??= open()
    // The address is given as a value and never parsed, so a recipient cannot smuggle in another.
    await (await transport).sendMail({ from, to: { name: '', address: to }, subject, text, html, messageId })
  }
}
