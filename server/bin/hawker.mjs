#!/usr/bin/env node
// Makes what is missing (modules, the built program), then runs the command in this very process, so that signals reach it.
import { prepare } from '../../scripts/prepare.mjs'

const program = await prepare('main')
await import(program)
