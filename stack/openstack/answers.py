"""Exits 0 when a server answers: answers.py http://HOST:PORT/PATH (below 500) | amqp://HOST:PORT."""
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request


def http(url):
    try:
        urllib.request.urlopen(url, timeout=3)
    except urllib.error.HTTPError as e:
        return e.code < 500
    return True


def amqp(host, port):
    with socket.create_connection((host, port), timeout=2) as s:
        s.settimeout(2)
        s.sendall(b'AMQP\0\0\x09\x01')
        return bool(s.recv(1))


def main(url):
    parts = urllib.parse.urlsplit(url)
    try:
        return amqp(parts.hostname, parts.port) if parts.scheme == 'amqp' else http(url)
    except OSError:
        return False


sys.exit(0 if main(sys.argv[1]) else 1)
