// Tells liveloop what jest does, while it does it. For jest 29 and later with its own runner, jest-circus.
'use strict'

const { Wire, kept, unique } = require('./liveloop_wire.cjs')

module.exports = class Liveloop {
  constructor(globalConfig) {
    let version = ''
    try {
      version = require(require.resolve('jest/package.json', { paths: [process.cwd()] })).version
    } catch {
      // A version that nobody knows is no reason not to test.
    }
    this.wire = new Wire('jest', version)
    this.filtered = Boolean(globalConfig.testNamePattern) && this.wire.wanted === null
    this.deselected = 0
    this.files = new Map()
  }

  // What is known of a file: the ids that were used, and those that have ended.
  file(test) {
    const name = this.wire.file(test.path)
    if (!this.files.has(name)) this.files.set(name, { name, used: new Map(), ended: new Set() })
    return this.files.get(name)
  }

  onTestCaseStart(test, info) {
    const { name, ended } = this.file(test)
    const id = named(name, info)
    // A second start of a name is a retry or another test of that name: only its result tells.
    if (this.wire.collectOnly || ended.has(id) || !this.wire.wants(id)) return
    this.list(id, name, 0)
    this.wire.send('start', { id, at: Date.now() / 1000 })
  }

  onTestCaseResult(test, result) {
    if (this.wire.collectOnly || !['passed', 'failed'].includes(result.status)) return
    this.result(this.file(test), result)
  }

  onTestFileResult(test, result) {
    const file = this.file(test)
    if (result.testExecError || (result.failureMessage && result.testResults.length === 0)) {
      const message = result.testExecError?.message ?? result.failureMessage
      this.wire.send('collect_error', { module: file.name, message: first(message), longrepr: kept(result.failureMessage ?? message) })
    }
    const used = new Map()
    const items = []
    for (const found of result.testResults) {
      const id = unique(named(file.name, found), used)
      if (!this.wire.wants(id)) continue
      items.push([id, file.name, found.location?.line ?? 0])
    }
    if (items.length > 0) this.wire.send('collected', { items })
    if (!this.wire.collectOnly) {
      const skipped = new Map()
      for (const found of result.testResults) {
        const id = unique(named(file.name, found), skipped)
        if (file.ended.has(id) || !this.wire.wants(id)) continue
        if (['passed', 'failed'].includes(found.status)) this.result(file, found)
        else if (this.filtered) this.deselected += 1
        else this.wire.send('result', { id, outcome: 'skipped', at: Date.now() / 1000, s: 0, message: found.status === 'todo' ? 'to do' : '' })
      }
    }
    // Console text belongs to the file: jest does not say which test wrote it.
    for (const entry of result.console ?? []) {
      this.wire.send('output', { text: kept(`${file.name}: ${entry.message}`), stream: entry.type === 'error' ? 'stderr' : 'stdout' })
    }
    this.files.delete(file.name)
  }

  async onRunComplete(_, results) {
    if (this.deselected > 0) this.wire.send('deselected', { count: this.deselected })
    this.wire.send('collection_done', {})
    if (results.runExecError) this.wire.send('crash', { reason: results.runExecError.message })
    if (results.wasInterrupted) this.wire.send('stopping', { reason: 'jest was interrupted' })
    await this.wire.end(results.success ? 0 : 1)
  }

  result(file, result) {
    const base = named(file.name, result)
    const isRetry = result.invocations > 1
    const id = isRetry ? base : unique(base, file.used)
    if (!this.wire.wants(id)) return
    const at = Date.now() / 1000
    this.list(id, file.name, result.location?.line ?? 0)
    const messages = result.failureMessages ?? []
    if (isRetry) {
      this.wire.send('start', { id, at })
      this.wire.again(id, result.retryReasons?.join('\n\n'))
      this.wire.send('start', { id, at })
    }
    const outcome = result.status === 'passed' ? 'passed' : isTimeout(messages[0]) ? 'timed_out' : 'failed'
    const failure = outcome === 'passed' ? {} : { message: first(messages[0] ?? ''), trace: kept(messages.join('\n\n')) }
    this.wire.send('result', { id, outcome, at, s: (result.duration ?? 0) / 1000, ...failure })
    file.ended.add(id)
  }

  list(id, module, line) {
    this.wire.send('collected', { items: [[id, module, line]] })
  }
}

function named(file, { ancestorTitles, title }) {
  return `${file}::${[...ancestorTitles, title].join(' > ')}`
}

// A failure without its stack.
function first(message) {
  return message.split(/\n\s+at /)[0].replace(/^Error: /, '').trimEnd()
}

function isTimeout(message) {
  return /Exceeded timeout of \d+ ms/.test(message ?? '')
}
