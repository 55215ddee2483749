import type { Job } from '#foundation/jobs/job.ts'
import { forgetMails } from './mails/forget-mails-job.ts'

export const businessJobs: readonly Job[] = [forgetMails]
