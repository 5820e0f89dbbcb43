# SPDX-License-Identifier: MIT
"""An X display that is another one in disguise: it lies about extensions, or stops answering."""

import os
import socket
import threading

FOLDER = "/tmp/.X11-unix"


class XProxy:
    """Listens as a display of its own and forwards to `server`.  `replace` is a pair of equally long
    byte strings: a name that clients ask for, and the one that the server is asked instead."""

    def __init__(self, server, replace=None):
        self.target = f"{FOLDER}/X{server.number}"
        self.replace = replace
        self.flows = threading.Event()  # cleared: bytes wait here, as at a server that hangs
        self.flows.set()
        self._sockets = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        for number in range(200 + os.getpid() % 500, 2000):
            path = f"{FOLDER}/X{number}"
            try:
                self._listener.bind(path)
            except OSError:
                continue
            self.display, self._path = f":{number}", path
            break
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                continue
            self._sockets += [client, server]
            for pair in ((client, server, self.replace), (server, client, None)):
                threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source, target, replace):
        try:
            while True:
                data, fds, _, _ = socket.recv_fds(source, 1 << 16, 16)
                if not data:
                    break
                self.flows.wait()
                if replace:
                    data = data.replace(*replace)
                sent = socket.send_fds(target, [data], fds)
                target.sendall(data[sent:])
                for fd in fds:
                    os.close(fd)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def drop_clients(self):
        """As a server does that is being restarted."""
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        self._listener.close()
        self.flows.set()
        self.drop_clients()
        os.unlink(self._path)
