import { readFileSync, statfsSync } from 'node:fs'

/** `statfs` magic numbers of Linux' network file systems. */
const MAGIC: Readonly<Record<number, string>> = {
  26985: 'nfs',
  20859: 'smb',
  4266872130: 'smb2',
  4283649346: 'cifs',
  16914839: '9p',
  12805120: 'ceph',
  198183888: 'lustre',
  1397113167: 'afs',
  1196443219: 'gpfs',
  18225520: 'gfs2',
  1952539503: 'ocfs2',
}

/** All FUSE file systems share one number, local ones too; the mount table tells them apart. */
const FUSE = 0x65735546
const FUSE_NETWORK =
  /^fuse\.(sshfs|s3fs|glusterfs|rclone|gcsfuse|goofys|davfs2?|curlftpfs|cephfs?|mount\.nfs|smbnetfs)$/

/** The name of the network file system that `folder` is on; undefined when local, or when this system cannot tell (D3e). */
export function networkFilesystem(folder: string): string | undefined {
  if (process.platform !== 'linux') return undefined
  return classify(statfsSync(folder).type, folder, readMounts)
}

export function classify(type: number, folder: string, mounts: () => string): string | undefined {
  if (type === FUSE) return fuseType(mountedType(mounts(), folder))
  // Some kernels give the number sign-extended.
  return MAGIC[(type % 0x1_0000_0000) >>> 0]
}

function fuseType(type: string | undefined): string | undefined {
  return type !== undefined && FUSE_NETWORK.test(type) ? type : undefined
}

/** The type of the innermost mount above `folder`, from the text of `/proc/self/mountinfo`. */
function mountedType(mountinfo: string, folder: string): string | undefined {
  let best: { readonly point: string; readonly type: string } | undefined
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const point = before
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
    const type = after.split(' ')[0]
    if (point === undefined || type === undefined || !isWithin(folder, point)) continue
    if (best === undefined || point.length >= best.point.length) best = { point, type }
  }
  return best?.type
}

function isWithin(folder: string, point: string): boolean {
  return point === '/' || folder === point || folder.startsWith(`${point}/`)
}

function readMounts(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8')
}
