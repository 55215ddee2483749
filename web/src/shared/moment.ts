/** The locale of dates. English dates are written as in Singapore and Malaysia, the day before the month. */
const localeOf = (language: string) => (language === 'en' ? 'en-SG' : language)

const unbroken = (text: string) => text.replace(/[\u202f\u2009]/g, '\u00a0')

/**
 * A moment as every page, email and document writes it: the date and the time of day in the business's time zone, which is named
 * by its distance from UTC. It reads the same wherever its reader is.
 */
export function formatMoment(at: Date | string, language: string, timeZone: string): string {
  const moment = new Date(at)
  const text = new Intl.DateTimeFormat(localeOf(language), { timeZone, dateStyle: 'long', timeStyle: 'short' }).format(moment)
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'shortOffset' }).formatToParts(moment)
  return unbroken(`${text} (${parts.find(({ type }) => type === 'timeZoneName')?.value ?? timeZone})`)
}

/** A day in the business's time zone. */
export function formatDay(at: Date | string, language: string, timeZone: string): string {
  return unbroken(new Intl.DateTimeFormat(localeOf(language), { timeZone, dateStyle: 'medium' }).format(new Date(at)))
}
