import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'

import { Author, connect, query } from './support/client.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

// The script builds, so it is only run where that has been done.
function reasonToSkip() {
  const built = path.join(root, 'build/release/parrhesia')
  if ((process.env.RELAY_BINARY ?? built) !== built || !existsSync(built)) {
    return 'the relay under test is not the one that scripts/run starts'
  }
  const programs = execFileSync('bash', ['-c', '. scripts/lib.sh; postgres_programs any'], { cwd: root })
  return programs.length === 0 ? 'no PostgreSQL server is installed' : false
}

// Long, because the script asks the build tool first, and a source may have changed.
describe('scripts/run --postgres', { timeout: 600_000, skip: reasonToSkip() }, () => {
  let folder
  let script
  const author = new Author()

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-e2e-'))
  })
  after(async () => {
    script?.child.kill('SIGTERM')
    await script?.exited
    await rm(folder, { recursive: true, force: true })
  })

  // Resolves when the relay listens.
  async function start() {
    const settings = ['relay.port=0', 'admin.port=0', `store.path=${folder}`].flatMap(s => ['--set', s])
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('PARRHESIA_'))
    const child = spawn(path.join(root, 'scripts/run'), ['--postgres', ...settings], {
      env: { ...Object.fromEntries(environment), NO_APT: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', chunk => (errors += chunk))
    const exited = new Promise(resolve => child.once('exit', (code, signal) => resolve(code ?? signal)))
    script = { child, exited }
    const url = await new Promise((resolve, reject) => {
      readline.createInterface({ input: child.stdout }).on('line', line => {
        const [, found] = line.match(/^listening (\S+)$/) ?? []
        if (found) resolve(found)
      })
      exited.then(code => reject(new Error(`scripts/run ended with ${code}: ${errors}`)))
    })
    return connect(url)
  }
  const serverRuns = () => existsSync(path.join(folder, 'postgres/postmaster.pid'))

  it('keeps events from one run to the next, and ends the database with the relay', async () => {
    const event = author.sign({ content: 'kept in PostgreSQL' })
    const writer = await start()
    await writer.publish(event)
    writer.close()
    assert.ok(serverRuns())
    script.child.kill('SIGTERM')
    assert.equal(await script.exited, 0)
    assert.ok(!serverRuns())

    const reader = await start()
    assert.deepEqual((await query(reader, { ids: [event.id] })).map(({ id }) => id), [event.id])
    reader.close()
    script.child.kill('SIGINT')
    assert.equal(await script.exited, 0)
    assert.ok(!serverRuns())
  })

  it('refuses the folder of a PostgreSQL that is not installed', async () => {
    execFileSync('bash', ['-c', `echo 9 >"$1/postgres/PG_VERSION"`, 'bash', folder])
    await assert.rejects(start(), /ended with 1: .*made by PostgreSQL 9, which is not installed/)
  })
})
