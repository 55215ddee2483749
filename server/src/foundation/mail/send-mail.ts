/** A rendered email. */
export interface Mail {
  to: string
  subject: string
  text: string
  html: string
  /** The same on every attempt, so that a receiver can detect a duplicate. */
  messageId: string
}

/** Hands an email to the mail server; throws if the server does not accept it. */
export type SendMail = (mail: Mail) => Promise<void>

/** Sends through an SMTP server (`smtp://user:password@host:port`, `smtps://…`). The library is loaded with the first email. */
export function smtpMailer(url: string, from: string): SendMail {
  let transport: Promise<import('nodemailer').Transporter> | undefined
  const open = async () => {
    const { createTransport } = await import('nodemailer')
    return createTransport({ url, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, disableFileAccess: true, disableUrlAccess: true })
  }
  return async ({ to, subject, text, html, messageId }) => {
    transport ??= open()
    // The address is passed as a value and never parsed, so a recipient cannot smuggle in another one.
    await (await transport).sendMail({ from, to: { name: '', address: to }, subject, text, html, messageId })
  }
}
