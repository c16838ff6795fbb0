// The way to liveloop for its vitest and jest reporters: the reporter protocol, version 1, over a Unix socket.
//
// Nothing is ever sent back, and without the variables nothing is sent at all.
'use strict'

const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')

const KEPT = 256 * 1024

class Wire {
  constructor(tool, version) {
    const { LIVELOOP_SOCKET: socket, LIVELOOP_SELECTION: selection, LIVELOOP_COLLECT_ONLY: collectOnly } = process.env
    // What the tests start is not to report to us.
    for (const name of ['LIVELOOP_SOCKET', 'LIVELOOP_SELECTION', 'LIVELOOP_COLLECT_ONLY']) delete process.env[name]
    this.root = process.cwd()
    this.collectOnly = collectOnly === '1'
    this.wanted = selection ? new Set(fs.readFileSync(selection, 'utf8').split('\n').filter(Boolean)) : null
    this.socket = socket ? net.createConnection(socket) : null
    this.socket?.on('error', () => (this.socket = null))
    this.send('hello', { v: 1, tool, version, pid: process.pid, root: this.root, lane: 'quiet' })
  }

  send(e, keys) {
    this.socket?.write(JSON.stringify({ e, ...keys }) + '\n')
  }

  // The file as tests are named after it: relative to where the tool was started.
  file(name) {
    return path.relative(this.root, name).split(path.sep).join('/')
  }

  wants(id) {
    return this.wanted === null || this.wanted.has(id)
  }

  // Sends that an attempt before the one that counts has failed.
  again(id, message) {
    const longrepr = message ?? null
    this.send('report', { id, when: 'call', outcome: 'rerun', rerun: 1, duration: 0, longrepr })
    this.send('finish', { id })
  }

  // Resolves when everything was handed over; a tool that does not wait for it may lose its last words.
  end(exit) {
    this.send('end', { exit })
    return new Promise((resolve) => {
      if (!this.socket) return resolve()
      this.socket.on('error', resolve)
      this.socket.end(resolve)
    })
  }
}

// The end of a text that is too long.
function kept(text) {
  return text.length <= KEPT ? text : `[… ${text.length - KEPT} characters left out …]\n${text.slice(-KEPT)}`
}

// Names that are used more than once in a file are counted; the order in a file is stable.
function unique(id, used) {
  const count = (used.get(id) ?? 0) + 1
  used.set(id, count)
  return count === 1 ? id : `${id} #${count}`
}

module.exports = { Wire, kept, unique }
