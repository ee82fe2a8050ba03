import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** `bench/`, whether this runs as source or from a build folder beside it. */
export const BENCH: string = [
  join(import.meta.dirname, '..', '..', '..', 'bench'),
  join(import.meta.dirname, '..'),
].find(folder => existsSync(join(folder, 'package.json'))) as string

/** Installs the peers into `bench/node_modules`, unless all are there as `bench/package.json` names them. */
export function installPeers(): void {
  const wanted = versions(join(BENCH, 'package.json'), 'dependencies')
  const isThere = (name: string): boolean => installed(name) === wanted[name]
  if (Object.keys(wanted).every(isThere)) return
  console.error('Installing the peers into bench/node_modules …')
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts']
  const done = spawnSync('npm', args, { cwd: BENCH, stdio: ['ignore', 'ignore', 'inherit'] })
  if (done.status !== 0) throw new Error('npm install in bench/ failed')
}

/** A peer's module; TypeScript knows as much of it as the caller says. */
export function loadPeer(name: string): unknown {
  return createRequire(join(BENCH, 'package.json'))(name)
}

function installed(name: string): string | undefined {
  const manifest = join(BENCH, 'node_modules', name, 'package.json')
  return existsSync(manifest) ? String(readJson(manifest)['version']) : undefined
}

function versions(path: string, kind: string): Readonly<Record<string, string>> {
  return readJson(path)[kind] as Readonly<Record<string, string>>
}

function readJson(path: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>
}
