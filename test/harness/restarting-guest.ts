const SECTOR_BYTES = 512;

/**
 * 16-bit code of a boot sector, without an operating system: it says `A` on its serial line and restarts its machine by the keyboard controller, and when it has come
 * back, which it knows from the disk's second sector, says `B` and stands still.
 */
// biome-ignore format: one instruction to a line
const CODE = [
  0xfa,                               // cli
  0x31, 0xc0,                         // xor ax, ax
  0x8e, 0xd8,                         // mov ds, ax
  0x8e, 0xc0,                         // mov es, ax
  0x8e, 0xd0,                         // mov ss, ax
  0xbc, 0x00, 0x7c,                   // mov sp, 0x7c00
  0xbb, 0x00, 0x7e,                   // mov bx, 0x7e00
  0xb8, 0x01, 0x02,                   // mov ax, 0x0201   read one sector of the disk that was booted (dl)
  0xb9, 0x02, 0x00,                   // mov cx, 2
  0xb6, 0x00,                         // mov dh, 0
  0xcd, 0x13,                         // int 0x13
  0x80, 0x3e, 0x00, 0x7e, 0x01,       // cmp byte [0x7e00], 1
  0x74, 0x1a,                         // je again
  0xc6, 0x06, 0x00, 0x7e, 0x01,       // mov byte [0x7e00], 1
  0xb8, 0x01, 0x03,                   // mov ax, 0x0301   write it
  0xb9, 0x02, 0x00,                   // mov cx, 2
  0xb6, 0x00,                         // mov dh, 0
  0xcd, 0x13,                         // int 0x13
  0xba, 0xf8, 0x03,                   // mov dx, 0x3f8
  0xb0, 0x41,                         // mov al, 'A'
  0xee,                               // out dx, al
  0xb0, 0xfe,                         // mov al, 0xfe
  0xe6, 0x64,                         // out 0x64, al     reset
  0xf4,                               // hlt
  0xba, 0xf8, 0x03,                   // again: mov dx, 0x3f8
  0xb0, 0x42,                         // mov al, 'B'
  0xee,                               // out dx, al
  0xf4,                               // hlt
  0xeb, 0xfd,                         // jmp hlt
];

/** The disk, raw, of a guest that restarts itself once. */
export function restartingDisk(): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  Buffer.from(CODE).copy(disk);
  disk.writeUInt16LE(0xaa55, SECTOR_BYTES - 2);
  return disk;
}
