import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classify } from './network-filesystem.js'

const MOUNTS = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:40 / /mnt/far rw - fuse.sshfs me@far:/ rw
41 22 0:41 / /mnt/my\\040disk rw - fuse.ntfs-3g /dev/sdb1 rw
42 40 0:42 / /mnt/far/near rw - fuse.mergerfs near rw`

const noMounts = (): string => assert.fail('the mount table was read without need')

test('D3e network file systems are told by their number', () => {
  assert.equal(classify(0x6969, '/srv', noMounts), 'nfs')
  assert.equal(classify(0xff534d42, '/srv', noMounts), 'cifs')
  assert.equal(classify(0xff534d42 - 2 ** 32, '/srv', noMounts), 'cifs')
  assert.equal(classify(0x01021997, '/srv', noMounts), '9p')
})

test('D3e local file systems are not refused', () => {
  for (const type of [0xef53, 0x9123683e, 0x58465342, 0x01021994, 0x794c7630]) {
    assert.equal(classify(type, '/srv', noMounts), undefined)
  }
})

test('D3e behind FUSE the innermost mount decides', () => {
  const fuse = 0x65735546
  const mounts = (): string => MOUNTS
  assert.equal(classify(fuse, '/mnt/far', mounts), 'fuse.sshfs')
  assert.equal(classify(fuse, '/mnt/far/deep/down', mounts), 'fuse.sshfs')
  assert.equal(classify(fuse, '/mnt/far/near/x', mounts), undefined)
  assert.equal(classify(fuse, '/mnt/my disk/x', mounts), undefined)
  assert.equal(classify(fuse, '/mnt/farther', mounts), undefined)
})
