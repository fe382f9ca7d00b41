#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Read the first blocks of a grant with 32 commands in flight, and print their checksum.

    ./read.py /dev/usher0n1 [MEBIBYTES]
"""
import asyncio
import os
import sys
import time
import zlib

import usher

DEPTH, CHUNK = 32, 32768


async def checksum(path, length):
    with usher.open(path, os.O_RDONLY) as grant, grant.alloc(DEPTH * CHUNK) as buffer:
        info = grant.info()
        chunk = min(CHUNK, info.max_transfer) // info.lba_bytes     # blocks of a command
        end = info.slba + min(info.nlb, length // info.lba_bytes)
        starts = iter(range(info.slba, end, chunk))
        sums = {}

        async def reader(ring, offset):
            for slba in starts:
                blocks = min(chunk, end - slba)
                await ring.read(slba, blocks, buffer, offset)
                with buffer.view[offset:offset + blocks * info.lba_bytes] as data:
                    sums[slba] = zlib.crc32(data)

        async with usher.AsyncRing(grant, DEPTH) as ring, asyncio.TaskGroup() as group:
            for number in range(DEPTH):
                group.create_task(reader(ring, number * CHUNK))
        whole = b"".join(sums[slba].to_bytes(4, "big") for slba in sorted(sums))
        return len(sums), (end - info.slba) * info.lba_bytes, zlib.crc32(whole)

begin = time.monotonic()
commands, size, crc = asyncio.run(checksum(sys.argv[1], int((sys.argv[2:] or ["16"])[0]) << 20))
print(f"{commands} commands, {size} bytes, checksum of checksums {crc:#010x}, "
      f"{time.monotonic() - begin:.2f} s")
