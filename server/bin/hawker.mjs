#!/usr/bin/env -S node --max-semi-space-size=16
// Makes what is missing (modules, the built program), then runs the command in this very process, so that signals reach it.
import { prepare, prepareModules } from '../../scripts/prepare.mjs'

await prepareModules()
await import(await prepare('main'))
