import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { nodeProcesses } from './processes.js'

test('this process lives', () => {
  const processes = nodeProcesses()
  assert.equal(processes.self.pid, process.pid)
  assert.equal(processes.liveness(processes.self), 'alive')
})

test('D3b a process whose id is free is gone', async () => {
  const processes = nodeProcesses()
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  assert.equal(processes.liveness({ ...processes.self, pid: child.pid ?? 0, started: '1' }), 'gone')
})

test('D3b a later process with the same id is not the same', { skip: process.platform !== 'linux' }, () => {
  const processes = nodeProcesses()
  assert.notEqual(processes.self.started, '')
  assert.equal(processes.liveness({ ...processes.self, started: '1' }), 'gone')
})

test('D3b a killed process that nobody has waited for runs nothing any more', {
  skip: process.platform !== 'linux',
}, async () => {
  const processes = nodeProcesses()
  // The shell becomes a program that never asks for its killed child's status.
  const script = `sleep 60 & echo $!; kill -9 $!; exec sleep 60`
  const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const [line] = await once(shell.stdout, 'data')
    const zombie = { ...processes.self, pid: Number(String(line).trim()), started: '' }
    const deadline = performance.now() + 10_000
    while (processes.liveness(zombie) !== 'gone' && performance.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    assert.equal(processes.liveness(zombie), 'gone')
  } finally {
    shell.kill('SIGKILL')
  }
})

test('D3b after a new start of the machine every process of before is gone', () => {
  const processes = nodeProcesses()
  assert.equal(processes.liveness({ ...processes.self, boot: 'another' }), 'gone')
})

test('D3b ids of another pid namespace tell nothing', () => {
  const processes = nodeProcesses()
  assert.equal(processes.liveness({ ...processes.self, pidNamespace: 'pid:[1]', pid: 1 }), 'unknown')
})
