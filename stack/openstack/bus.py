"""A way to the message bus from the hypervisors: bus.py HOST PORT NETNS...

Listens on 127.0.0.1:PORT in each network namespace (a socket stays in the namespace that it was made in)
and copies each connection to HOST:PORT here.
"""
import asyncio
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000


def enter(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')


def listen_in(namespaces, port):
    home = os.open('/proc/self/ns/net', os.O_RDONLY)
    sockets = []
    for name in namespaces:
        enter(os.open('/run/netns/' + name, os.O_RDONLY))
        sockets.append(socket.create_server(('127.0.0.1', port), backlog=100))
    enter(home)
    return sockets


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(host, port, namespaces):
    async def serve(reader, writer):
        try:
            bus_reader, bus_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, bus_writer), copy(bus_reader, writer))

    servers = [await asyncio.start_server(serve, sock=s) for s in listen_in(namespaces, port)]
    await asyncio.gather(*[s.serve_forever() for s in servers])


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
